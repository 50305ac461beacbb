using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>A range of a volume or file could not be read; <see cref="OffsetBytes"/> says where.</summary>
internal sealed class BlockReadException(long offsetBytes, long lengthBytes, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public long OffsetBytes { get; } = offsetBytes;
    public long LengthBytes { get; } = lengthBytes;

    /// <summary>True if it is not a bad spot but the whole source that is gone: asking for other parts is of no use.</summary>
    public bool IsGone { get; init; }
}

/// <summary>A range of a target could not be written; <see cref="OffsetBytes"/> says where.</summary>
internal sealed class BlockWriteException(long offsetBytes, long lengthBytes, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public long OffsetBytes { get; } = offsetBytes;
    public long LengthBytes { get; } = lengthBytes;

    /// <summary>True if nothing is broken but the disk (or quota) that holds the target is full.</summary>
    public bool IsSpaceExhausted { get; init; }
}
