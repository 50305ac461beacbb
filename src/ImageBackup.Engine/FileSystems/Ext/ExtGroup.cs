using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// One block group's descriptor (kernel documentation, ext4 "Block Group Descriptors"): 32 bytes, or 64 and more
/// with the 64bit feature.
/// </summary>
internal readonly struct ExtGroup
{
    private const ushort FlagBlockUninitialised = 0x2;

    private ExtGroup(int index, ReadOnlySpan<byte> bytes, ExtSuperblock superblock)
    {
        Index = index;
        bool isWide = bytes.Length >= 64;
        BlockBitmap = Block(bytes, 0x0, isWide ? 0x20 : -1);
        InodeBitmap = Block(bytes, 0x4, isWide ? 0x24 : -1);
        InodeTable = Block(bytes, 0x8, isWide ? 0x28 : -1);
        FreeClusterCount = LittleEndian.UInt16(bytes, 0xC) | (isWide ? (uint)LittleEndian.UInt16(bytes, 0x2C) << 16 : 0);
        BitmapChecksum = LittleEndian.UInt16(bytes, 0x18) | (isWide ? (uint)LittleEndian.UInt16(bytes, 0x38) << 16 : 0);
        HasWideBitmapChecksum = isWide;
        IsUninitialised = superblock.HasUninitialisedGroups && (LittleEndian.UInt16(bytes, 0x12) & FlagBlockUninitialised) != 0;
    }

    public int Index { get; }
    public long BlockBitmap { get; }
    public long InodeBitmap { get; }
    public long InodeTable { get; }
    public uint FreeClusterCount { get; }
    public uint BitmapChecksum { get; }
    public bool HasWideBitmapChecksum { get; }

    /// <summary>The bitmap was never written: only the file system's own structures are used in the group.</summary>
    public bool IsUninitialised { get; }

    /// <summary>Reads and checks a descriptor; the reason if it cannot be trusted, else null.</summary>
    public static string? TryParse(ExtSuperblock superblock, int index, ReadOnlySpan<byte> bytes, out ExtGroup group)
    {
        group = new ExtGroup(index, bytes, superblock);
        if (superblock.VerifiesChecksums && superblock.HasUninitialisedGroups
            && Checksum(superblock, index, bytes) != LittleEndian.UInt16(bytes, 0x1E))
            return $"ext: the checksum of block group {index}'s descriptor does not match";
        if (!Lies(superblock, group.BlockBitmap, 1) || !Lies(superblock, group.InodeBitmap, 1)
            || !Lies(superblock, group.InodeTable, superblock.InodeTableBlockCount))
            return $"ext: block group {index}'s bitmaps or inode table lie outside the file system";
        long clusterCount = (superblock.GroupBlockCount(index) + superblock.BlocksPerCluster - 1) / superblock.BlocksPerCluster;
        return group.FreeClusterCount > clusterCount
            ? $"ext: block group {index} claims {group.FreeClusterCount} free of {clusterCount} clusters"
            : null;
    }

    /// <summary>Whether the bitmap's bytes match the descriptor's checksum of them; true if there is none.</summary>
    public bool MatchesBitmapChecksum(ExtSuperblock superblock, ReadOnlySpan<byte> bitmap)
    {
        if (!superblock.HasMetadataChecksums || !superblock.VerifiesChecksums)
            return true;
        uint checksum = Crc32C.Update(superblock.ChecksumSeed, bitmap.Slice(0, (int)(superblock.ClustersPerGroup / 8)));
        return HasWideBitmapChecksum ? checksum == BitmapChecksum : (checksum & 0xFFFF) == BitmapChecksum;
    }

    private static ushort Checksum(ExtSuperblock superblock, int index, ReadOnlySpan<byte> bytes)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, index);
        if (superblock.HasMetadataChecksums)
        {
            uint checksum = Crc32C.Update(superblock.ChecksumSeed, number);
            checksum = Crc32C.Update(checksum, bytes.Slice(0, 0x1E));
            number.Clear();
            checksum = Crc32C.Update(checksum, number.Slice(0, 2));
            return (ushort)Crc32C.Update(checksum, bytes.Slice(0x20));
        }
        ushort narrow = Crc16.Update(superblock.DescriptorChecksumSeed, number);
        narrow = Crc16.Update(narrow, bytes.Slice(0, 0x1E));
        return Crc16.Update(narrow, bytes.Slice(0x20));
    }

    private static bool Lies(ExtSuperblock superblock, long block, long count) =>
        block >= superblock.FirstDataBlock && block > 0 && block <= superblock.BlockCount - count;

    private static long Block(ReadOnlySpan<byte> bytes, int lowOffset, int highOffset) =>
        (long)((LittleEndian.UInt32(bytes, lowOffset) | (highOffset < 0 ? 0 : (ulong)LittleEndian.UInt32(bytes, highOffset) << 32)) & long.MaxValue);
}
