using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.F2fs;

/// <summary>F2FS on one device: valid blocks by the newer checkpoint and the segment information table.</summary>
/// <remarks>
/// Data that fsync wrote after the checkpoint is valid although the table does not know it yet; it begins at the next
/// free node block. A volume with data there, or one that was not unmounted, is refused unless the driver
/// flushed it, which makes a checkpoint. All that lies before the main area counts as used.
/// </remarks>
internal sealed class F2fsReader : IFlushAwareReader
{
    private const int NodeVersionOffset = 4084;
    private readonly bool _verifiesChecksums;

    public F2fsReader()
        : this(verifiesChecksums: true)
    {
    }

    /// <param name="verifiesChecksums">False only for fuzzing what lies behind the checksums.</param>
    internal F2fsReader(bool verifiesChecksums) => _verifiesChecksums = verifiesChecksums;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (F2fsSuperblock.TryRead(volume) is not { } superblock)
            return null;
        var description = new FileSystemDescription
        {
            Type = "f2fs",
            Label = superblock.Label,
            Uuid = superblock.Uuid,
            Version = superblock.Version,
            SizeBytes = superblock.SizeBytes,
            ClusterSizeBytes = F2fsSuperblock.BlockBytes,
            Marks = F2fsSuperblock.FindMarks(volume),
        };
        try
        {
            if (superblock.Obstacle is not null)
                return description;
            F2fsCheckpoint checkpoint = F2fsCheckpoint.Read(volume, superblock, _verifiesChecksums);
            return description with
            {
                IsClean = checkpoint.IsUnmounted && !checkpoint.HasErrors && !HasUncheckpointedNodes(volume, checkpoint),
                UsedBytes = checkpoint.ValidBlockCount <= (ulong)superblock.BlockCount
                    ? (superblock.MainBlock + (long)checkpoint.ValidBlockCount) * F2fsSuperblock.BlockBytes
                    : null,
            };
        }
        catch (FileSystemFormatException)
        {
            return description;
        }
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        ReadUsedRanges(volume, isFlushed: false, cancellation);

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, bool isFlushed, CancellationToken cancellation)
    {
        F2fsSuperblock superblock = F2fsSuperblock.TryRead(volume)
            ?? throw new FileSystemFormatException("F2FS: both superblocks are damaged");
        if (superblock.Obstacle is { } obstacle)
            throw new FileSystemFormatException($"F2FS: {obstacle}");
        if (superblock.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"F2FS: the file system has {superblock.SizeBytes} bytes, the volume only {volume.LengthBytes}");
        F2fsCheckpoint checkpoint = F2fsCheckpoint.Read(volume, superblock, _verifiesChecksums);
        if (checkpoint.HasErrors)
            throw new FileSystemFormatException("F2FS: the volume is marked for a check (run fsck.f2fs)");
        if (checkpoint.IsDisabled)
            throw new FileSystemFormatException("F2FS: checkpoints are switched off, or a resize was not finished");
        if (!isFlushed && (!checkpoint.IsUnmounted || HasUncheckpointedNodes(volume, checkpoint)))
            throw new FileSystemFormatException("F2FS: the volume was not unmounted cleanly: files may have been written since the last checkpoint");

        var builder = new UsedRangeBuilder(volume.LengthBytes, F2fsSuperblock.BlockBytes);
        (long validBlocks, long nodeBlocks, long freeSegments) = F2fsSit.Free(volume, superblock, checkpoint, builder, cancellation);

        // Preallocated blocks are counted as valid before they have a place, so the count may be larger.
        if ((ulong)validBlocks > checkpoint.ValidBlockCount)
            throw new FileSystemFormatException($"F2FS: {validBlocks} blocks are valid by the table, {checkpoint.ValidBlockCount} by the checkpoint");
        // A node has its place once a checkpoint is written, so here the counts must be the same.
        if (nodeBlocks != checkpoint.ValidNodeCount)
            throw new FileSystemFormatException($"F2FS: {nodeBlocks} blocks of nodes are valid by the table, {checkpoint.ValidNodeCount} by the checkpoint");
        if (freeSegments != checkpoint.FreeSegmentCount)
            throw new FileSystemFormatException($"F2FS: {freeSegments} segments are free by the table, {checkpoint.FreeSegmentCount} by the checkpoint");
        return builder.MinimumRunBytes == 0
            ? builder.Build()
            : builder.Build($"F2FS: the free space is badly fragmented: free runs under {builder.MinimumRunBytes} bytes are stored too.");
    }

    // A node written since carries the checkpoint's version in its footer.
    private static bool HasUncheckpointedNodes(IBlockReader volume, F2fsCheckpoint checkpoint)
    {
        if (checkpoint.NextNodeBlock is not { } block)
            return true;
        byte[] node = volume.ReadExact(block * F2fsSuperblock.BlockBytes, F2fsSuperblock.BlockBytes);
        return LittleEndian.UInt32(node, NodeVersionOffset) == (uint)checkpoint.Version;
    }
}
