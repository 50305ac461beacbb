using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>
/// The primary superblock (btrfs documentation, "On-disk Format", Superblock): 4 KiB at 64 KiB, low byte first.
/// </summary>
internal sealed class BtrfsSuperblock
{
    public const int OffsetBytes = 64 * 1024;
    public const int LengthBytes = 4096;
    private const ulong Magic = 0x4D5F53665248425F; // _BHRfS_M
    private static readonly long[] s_copyOffsets = [OffsetBytes, 64L << 20, 256L << 30];
    private const int DeviceItemOffset = 0xC9;
    private const int LabelOffset = 0x12B;
    private const int MetadataUuidOffset = 0x23B;
    private const int SystemChunksOffset = 0x32B;
    private const int MaxSystemChunksBytes = 2048;
    private const ulong FlagWritten = 0x1;

    // mixed backrefs, default subvolume, mixed groups, lzo, zstd, big metadata, extended irefs, raid56, skinny
    // metadata, no holes, metadata uuid, raid1c34, simple quota. Not known: zoned, extent tree v2, raid stripe tree.
    private const ulong KnownIncompat = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x10000;
    private const ulong IncompatMetadataUuid = 0x400;

    // free space tree and its validity, verity, block group tree
    private const ulong KnownRoCompat = 0x1 | 0x2 | 0x4 | 0x8;

    private BtrfsSuperblock(ReadOnlySpan<byte> bytes, long volumeLengthBytes, bool verifiesChecksums)
    {
        VerifiesChecksums = verifiesChecksums;
        ulong flags = LittleEndian.UInt64(bytes, 0x38);
        ulong incompat = LittleEndian.UInt64(bytes, 0xBC);
        ulong roCompat = LittleEndian.UInt64(bytes, 0xB4);
        if (LittleEndian.UInt64(bytes, 0x30) != OffsetBytes || (flags & ~FlagWritten) != 0)
            throw new FileSystemFormatException($"btrfs: the superblock is not that of an ordinary volume (flags 0x{flags:x})");
        if ((incompat & ~KnownIncompat) != 0 || (roCompat & ~KnownRoCompat) != 0)
            throw new FileSystemFormatException($"btrfs: unknown features 0x{incompat & ~KnownIncompat:x}, 0x{roCompat & ~KnownRoCompat:x}");
        ulong deviceCount = LittleEndian.UInt64(bytes, 0x88);
        if (deviceCount != 1)
            throw new FileSystemFormatException($"btrfs: the file system spans {deviceCount} devices: copied whole");
        SectorSizeBytes = Size(LittleEndian.UInt32(bytes, 0x90), "sectors");
        NodeSizeBytes = Size(LittleEndian.UInt32(bytes, 0x94), "nodes");
        if (NodeSizeBytes < SectorSizeBytes)
            throw new FileSystemFormatException("btrfs: nodes are smaller than sectors");
        ReadOnlySpan<byte> device = bytes.Slice(DeviceItemOffset);
        DeviceId = LittleEndian.UInt64(device, 0);
        DeviceLengthBytes = LittleEndian.Int63(device, 8);
        if (DeviceLengthBytes > volumeLengthBytes)
            throw new FileSystemFormatException($"btrfs: {DeviceLengthBytes} bytes do not fit the volume of {volumeLengthBytes} bytes");
        ChecksumType = LittleEndian.UInt16(bytes, 0xC4);
        Generation = LittleEndian.UInt64(bytes, 0x48);
        ChunkGeneration = LittleEndian.UInt64(bytes, 0xA4);
        RootTree = LittleEndian.Int63(bytes, 0x50);
        ChunkTree = LittleEndian.Int63(bytes, 0x58);
        LogTree = LittleEndian.Int63(bytes, 0x60);
        UsedBytes = LittleEndian.Int63(bytes, 0x78);
        RootLevel = LittleEndian.UInt8(bytes, 0xC6);
        ChunkLevel = LittleEndian.UInt8(bytes, 0xC7);
        LogLevel = LittleEndian.UInt8(bytes, 0xC8);
        uint systemChunksBytes = LittleEndian.UInt32(bytes, 0xA0);
        if (systemChunksBytes > MaxSystemChunksBytes)
            throw new FileSystemFormatException($"btrfs: {systemChunksBytes} bytes of system chunks");
        SystemChunks = bytes.Slice(SystemChunksOffset, (int)systemChunksBytes).ToArray();
        TreeUuid = bytes.Slice((incompat & IncompatMetadataUuid) != 0 ? MetadataUuidOffset : 0x20, 16).ToArray();
    }

    public bool VerifiesChecksums { get; }
    public int SectorSizeBytes { get; }
    public int NodeSizeBytes { get; }
    public ulong DeviceId { get; }
    public long DeviceLengthBytes { get; }
    public ushort ChecksumType { get; }
    public ulong Generation { get; }
    public ulong ChunkGeneration { get; }
    public long RootTree { get; }
    public long ChunkTree { get; }

    /// <summary>0 = there is no log of changes that were synced on their own.</summary>
    public long LogTree { get; }
    public long UsedBytes { get; }
    public int RootLevel { get; }
    public int ChunkLevel { get; }
    public int LogLevel { get; }
    public byte[] SystemChunks { get; }

    /// <summary>The UUID that tree blocks carry.</summary>
    public byte[] TreeUuid { get; }

    /// <exception cref="FileSystemFormatException">Damaged, or of a feature that is not known.</exception>
    public static BtrfsSuperblock Read(IBlockReader volume, bool verifiesChecksums)
    {
        byte[] bytes = volume.ReadExact(OffsetBytes, LengthBytes);
        if (LittleEndian.UInt64(bytes, 0x40) != Magic)
            throw new FileSystemFormatException("btrfs: no superblock");
        if (verifiesChecksums && !BtrfsChecksum.Matches(LittleEndian.UInt16(bytes, 0xC4), bytes))
            throw new FileSystemFormatException("btrfs: the superblock's checksum does not match");
        return new BtrfsSuperblock(bytes, volume.LengthBytes, verifiesChecksums);
    }

    /// <summary>What the superblock says of itself, taken as it stands: for a probe.</summary>
    public static FileSystemDescription? Describe(IBlockReader volume)
    {
        if (volume.TryRead(OffsetBytes, LengthBytes) is not { } bytes || LittleEndian.UInt64(bytes, 0x40) != Magic)
            return null;
        ulong sizeBytes = LittleEndian.UInt64(bytes, DeviceItemOffset + 8);
        ulong usedBytes = LittleEndian.UInt64(bytes, 0x78);
        uint sectorSizeBytes = LittleEndian.UInt32(bytes, 0x90);
        return new FileSystemDescription
        {
            Type = "btrfs",
            Label = VolumeStructures.Utf8Label(bytes.AsSpan(LabelOffset, 256)),
            Uuid = VolumeStructures.Uuid(bytes.AsSpan(0x20, 16)),
            // btrfs_super_block.dev_item (0xC9), its uuid (0x42).
            DeviceUuid = VolumeStructures.Uuid(bytes.AsSpan(0x10B, 16)),
            SizeBytes = sizeBytes <= long.MaxValue ? (long)sizeBytes : null,
            ClusterSizeBytes = sectorSizeBytes is >= 512 and <= 65536 ? (int)sectorSizeBytes : null,
            UsedBytes = usedBytes <= long.MaxValue ? (long)usedBytes : null,
            IsClean = LittleEndian.UInt64(bytes, 0x60) == 0,
            Marks = FindMarks(volume),
        };
    }

    /// <summary>The magic of every superblock copy that names its own place.</summary>
    private static List<ByteRange> FindMarks(IBlockReader volume)
    {
        var marks = new List<ByteRange>();
        foreach (long offsetBytes in s_copyOffsets)
        {
            if (volume.TryRead(offsetBytes, 0x48) is { } bytes && LittleEndian.UInt64(bytes, 0x40) == Magic
                && (offsetBytes == OffsetBytes || LittleEndian.UInt64(bytes, 0x30) == (ulong)offsetBytes))
                marks.Add(new ByteRange(offsetBytes + 0x40, 8));
        }
        return marks;
    }

    private static int Size(uint value, string name) =>
        value is >= 4096 and <= 65536 && (value & (value - 1)) == 0
            ? (int)value
            : throw new FileSystemFormatException($"btrfs: {name} of {value} bytes");
}
