using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.F2fs;

/// <summary>
/// The superblock (Linux, Documentation/filesystems/f2fs.rst and include/linux/f2fs_fs.h: facts of the layout).
/// Positions in blocks of 4 KiB from the volume's start.
/// </summary>
internal sealed record F2fsSuperblock
{
    public const uint Magic = 0xF2F52010;
    public const int BlockBytes = 4096;
    public const int BlocksPerSegment = 512;
    private const int CopyOffsetBytes = 1024;
    private const int LengthBytes = 3072;
    private const int DevicesOffset = 2201;

    /// <summary>Zoned devices, read-only images and what is newer: other layouts, or free space that is not.</summary>
    private const uint KnownFeatures = 0x3FFD;

    public required long BlockCount { get; init; }
    public required uint CheckpointBlock { get; init; }
    public required uint SitBlock { get; init; }
    public required uint SitSegmentCount { get; init; }
    public required uint MainBlock { get; init; }
    public required uint MainSegmentCount { get; init; }

    /// <summary>Blocks after a checkpoint's first that hold the version bitmap of a large volume.</summary>
    public required uint CheckpointPayloadCount { get; init; }
    public required string? Uuid { get; init; }
    public required string? Label { get; init; }
    public required string Version { get; init; }

    /// <summary>Why the layout cannot be read; null if it can.</summary>
    public required string? Obstacle { get; init; }

    public long SizeBytes => BlockCount * BlockBytes;

    /// <summary>The first of the two copies that makes sense, or null.</summary>
    public static F2fsSuperblock? TryRead(IBlockReader volume)
    {
        for (int copy = 0; copy < 2; copy++)
        {
            byte[]? bytes = volume.TryRead(copy * BlockBytes + CopyOffsetBytes, LengthBytes);
            if (bytes is not null && LittleEndian.UInt32(bytes, 0) == Magic && Parse(bytes) is { } superblock)
                return superblock;
        }
        return null;
    }

    /// <summary>The magic of both copies, as far as they bear it.</summary>
    public static IReadOnlyList<ByteRange> FindMarks(IBlockReader volume)
    {
        var marks = new List<ByteRange>();
        for (int copy = 0; copy < 2; copy++)
        {
            long offsetBytes = copy * BlockBytes + CopyOffsetBytes;
            if (volume.TryRead(offsetBytes, 4) is { } bytes && LittleEndian.UInt32(bytes, 0) == Magic)
                marks.Add(new ByteRange(offsetBytes, 4));
        }
        return marks;
    }

    private static F2fsSuperblock? Parse(ReadOnlySpan<byte> bytes)
    {
        ulong blockCount = LittleEndian.UInt64(bytes, 36);
        if (blockCount is 0 or > (1UL << 40))
            return null;
        var superblock = new F2fsSuperblock
        {
            BlockCount = (long)blockCount,
            CheckpointBlock = LittleEndian.UInt32(bytes, 76),
            SitBlock = LittleEndian.UInt32(bytes, 80),
            SitSegmentCount = LittleEndian.UInt32(bytes, 56),
            MainBlock = LittleEndian.UInt32(bytes, 92),
            MainSegmentCount = LittleEndian.UInt32(bytes, 68),
            CheckpointPayloadCount = LittleEndian.UInt32(bytes, 1664),
            Uuid = VolumeStructures.Uuid(bytes.Slice(108)),
            Label = VolumeStructures.Utf16Label(bytes.Slice(124, 1024)),
            Version = $"{LittleEndian.UInt16(bytes, 4)}.{LittleEndian.UInt16(bytes, 6)}",
            Obstacle = null,
        };
        return superblock with { Obstacle = superblock.FindObstacle(bytes) };
    }

    private string? FindObstacle(ReadOnlySpan<byte> bytes)
    {
        if (LittleEndian.UInt32(bytes, 16) != 12 || LittleEndian.UInt32(bytes, 20) != 9)
            return "its blocks are not of 4 KiB, or its segments not of 2 MiB";
        uint features = LittleEndian.UInt32(bytes, 2180) & ~KnownFeatures;
        if (features != 0)
            return $"it has features that are unknown here (0x{features:X})";
        if (bytes[DevicesOffset] != 0)
            return "it spans several devices";
        long mainEnd = MainBlock + (long)MainSegmentCount * BlocksPerSegment;
        bool isOrdered = CheckpointBlock > 0 && CheckpointBlock + 2L * BlocksPerSegment <= SitBlock
            && SitBlock + (long)SitSegmentCount * BlocksPerSegment <= MainBlock && mainEnd <= BlockCount;
        if (!isOrdered || MainSegmentCount == 0 || SitSegmentCount == 0 || (SitSegmentCount & 1) != 0 || CheckpointPayloadCount > BlocksPerSegment / 2)
            return "its areas overlap";
        return null;
    }
}
