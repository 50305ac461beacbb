using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>A target of a restore: readable (for comparing and verifying) and writable at any offset.</summary>
/// <remarks>
/// Contract: disjoint ranges may be written from several threads at once. A writer that failed once refuses
/// further writes. Nothing is durable before <see cref="Flush"/> has returned.
/// </remarks>
internal interface IBlockWriter : IBlockReader
{
    /// <exception cref="BlockWriteException">The device refused the write, or an earlier one failed.</exception>
    void WriteAt(long offsetBytes, ReadOnlySpan<byte> buffer);

    /// <summary>
    /// Makes a range read as zeros in the cheapest way the target has (a hole, a write-zeroes call, or zeros
    /// written).
    /// </summary>
    void ZeroRange(ByteRange range);

    /// <summary>
    /// Tells the device that the range is not needed any more. Returns false if the target cannot; the range's
    /// content is undefined afterwards.
    /// </summary>
    bool TryDiscard(ByteRange range);

    /// <summary>Puts everything written so far on stable storage (fsync, FlushFileBuffers).</summary>
    void Flush();

    /// <summary>
    /// After a <see cref="Flush"/>: makes the reads that follow come from the medium and not from the system's memory,
    /// as far as the system lets one. What it takes to prove what a disk has kept.
    /// </summary>
    void DropCache();
}
