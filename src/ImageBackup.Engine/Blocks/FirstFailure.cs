using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>
/// Remembers a writer's first failure, so that nothing is written after it: a target that lost one write must
/// not look whole because later ones passed.
/// </summary>
internal sealed class FirstFailure
{
    private volatile BlockWriteException? _first;

    /// <exception cref="BlockWriteException">An earlier write failed.</exception>
    public void ThrowIfFailed(long offsetBytes, long lengthBytes)
    {
        if (_first is { } first)
        {
            throw new BlockWriteException(offsetBytes, lengthBytes,
                $"Not written, because an earlier write at {first.OffsetBytes} failed: {first.Message}", first)
            { IsSpaceExhausted = first.IsSpaceExhausted };
        }
    }

    /// <summary>Remembers the failure and gives it back to be thrown.</summary>
    public BlockWriteException Record(BlockWriteException failure)
    {
        _first ??= failure;
        return failure;
    }
}
