using System;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// The superblock of ext2, ext3 and ext4 (Linux kernel, Documentation/filesystems/ext4, "Super Block"): 1,024
/// bytes at offset 1,024, low byte first. Everything here has been checked to fit together and the volume.
/// </summary>
internal sealed class ExtSuperblock
{
    public const int OffsetBytes = 1024;
    public const int LengthBytes = 1024;
    private const ushort Magic = 0xEF53;
    private static readonly ByteRange[] s_marks = [new(OffsetBytes + 0x38, 2)];

    /// <summary>What bounds the memory for a group's metadata: 256 TiB at 4 KiB blocks, 16 TiB at 1 KiB.</summary>
    private const long MaxGroupCount = 1 << 21;

    private const uint CompatHasJournal = 0x4;
    private const uint CompatSparseSuper2 = 0x200;
    private const uint IncompatRecover = 0x4;
    private const uint IncompatJournalDevice = 0x8;
    private const uint IncompatMetaGroups = 0x10;
    private const uint Incompat64Bit = 0x80;
    private const uint IncompatChecksumSeed = 0x2000;
    private const uint IncompatLargeDirectory = 0x4000;
    private const uint RoCompatSparseSuper = 0x1;
    private const uint RoCompatDescriptorChecksum = 0x10;
    private const uint RoCompatBigAlloc = 0x200;
    private const uint RoCompatMetadataChecksum = 0x400;

    // filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, dirdata, csum_seed, largedir,
    // inline_data, encrypt, casefold. Not known: compression (0x1) and whatever comes.
    private const uint KnownIncompat = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;

    // sparse_super, large_file, btree_dir, huge_file, gdt_csum, dir_nlink, extra_isize, quota, bigalloc,
    // metadata_csum, readonly, project, shared_blocks, verity, orphan_present. Not known: has_snapshot, replica.
    private const uint KnownRoCompat = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000;

    // What ext2 and ext3 know; anything beyond makes it an ext4 (blkid's rule).
    private const uint Ext3RoCompat = 0x1 | 0x2 | 0x4;
    private const uint Ext3Incompat = 0x2 | 0x4 | 0x10;

    private const ushort StateValid = 1;
    private const ushort StateErrors = 2;

    private readonly uint _compat;
    private readonly uint _incompat;
    private readonly uint _roCompat;
    private readonly uint _backupGroup0;
    private readonly uint _backupGroup1;

    private ExtSuperblock(ReadOnlySpan<byte> bytes, long volumeLengthBytes, bool verifiesChecksums)
    {
        VerifiesChecksums = verifiesChecksums;
        _compat = LittleEndian.UInt32(bytes, 0x5C);
        _incompat = LittleEndian.UInt32(bytes, 0x60);
        _roCompat = LittleEndian.UInt32(bytes, 0x64);
        if ((_incompat & ~KnownIncompat) != 0)
            throw new FileSystemFormatException($"ext: unknown incompatible features 0x{_incompat & ~KnownIncompat:x}");
        if ((_roCompat & ~KnownRoCompat) != 0)
            throw new FileSystemFormatException($"ext: unknown read-only-compatible features 0x{_roCompat & ~KnownRoCompat:x}");
        if (HasMetadataChecksums && verifiesChecksums)
        {
            if (LittleEndian.UInt8(bytes, 0x175) != 1)
                throw new FileSystemFormatException("ext: unknown checksum type");
            if (Crc32C.Update(uint.MaxValue, bytes.Slice(0, 0x3FC)) != LittleEndian.UInt32(bytes, 0x3FC))
                throw new FileSystemFormatException("ext: the superblock's checksum does not match");
        }

        uint logBlockSize = LittleEndian.UInt32(bytes, 0x18);
        if (logBlockSize > 6)
            throw new FileSystemFormatException($"ext: block size 2^{logBlockSize + 10UL}");
        BlockSizeBytes = 1024 << (int)logBlockSize;
        uint logClusterSize = IsBigAlloc ? LittleEndian.UInt32(bytes, 0x1C) : logBlockSize;
        if (logClusterSize < logBlockSize || logClusterSize > 20)
            throw new FileSystemFormatException($"ext: cluster size 2^{logClusterSize + 10UL}");
        BlocksPerCluster = 1 << (int)(logClusterSize - logBlockSize);

        bool is64Bit = (_incompat & Incompat64Bit) != 0;
        BlockCount = StructureBounds.Signed(
            LittleEndian.UInt32(bytes, 0x4) | (is64Bit ? (ulong)LittleEndian.UInt32(bytes, 0x150) << 32 : 0), 0x4);
        FreeBlockCount = StructureBounds.Signed(
            LittleEndian.UInt32(bytes, 0xC) | (is64Bit ? (ulong)LittleEndian.UInt32(bytes, 0x158) << 32 : 0), 0xC);
        FirstDataBlock = LittleEndian.UInt32(bytes, 0x14);
        BlocksPerGroup = LittleEndian.UInt32(bytes, 0x20);
        ClustersPerGroup = IsBigAlloc ? LittleEndian.UInt32(bytes, 0x24) : BlocksPerGroup;
        InodesPerGroup = LittleEndian.UInt32(bytes, 0x28);
        if (BlockCount > volumeLengthBytes / BlockSizeBytes)
            throw new FileSystemFormatException($"ext: {BlockCount} blocks of {BlockSizeBytes} bytes do not fit the volume of {volumeLengthBytes} bytes");
        if (FirstDataBlock != (BlockSizeBytes == 1024 && !IsBigAlloc ? 1 : 0) || FirstDataBlock >= BlockCount)
            throw new FileSystemFormatException($"ext: first data block {FirstDataBlock} of {BlockCount}");
        if (ClustersPerGroup < 8 || ClustersPerGroup > BlockSizeBytes * 8L || ClustersPerGroup % 8 != 0
            || BlocksPerGroup < 256 || BlocksPerGroup != ClustersPerGroup * BlocksPerCluster)
            throw new FileSystemFormatException($"ext: {BlocksPerGroup} blocks and {ClustersPerGroup} clusters a group");
        if (FreeBlockCount > BlockCount)
            throw new FileSystemFormatException($"ext: {FreeBlockCount} free blocks of {BlockCount}");
        long groupCount = (BlockCount - FirstDataBlock + BlocksPerGroup - 1) / BlocksPerGroup;
        if (groupCount > MaxGroupCount)
            throw new FileSystemFormatException($"ext: {groupCount} block groups are more than are read");
        GroupCount = (int)groupCount;

        InodeSizeBytes = LittleEndian.UInt32(bytes, 0x4C) == 0 ? 128 : LittleEndian.UInt16(bytes, 0x58);
        if (InodeSizeBytes < 128 || InodeSizeBytes > BlockSizeBytes || (InodeSizeBytes & (InodeSizeBytes - 1)) != 0)
            throw new FileSystemFormatException($"ext: inodes of {InodeSizeBytes} bytes");
        if (InodesPerGroup == 0 || InodesPerGroup > BlockSizeBytes * 8L
            || InodesPerGroup * groupCount != LittleEndian.UInt32(bytes, 0))
            throw new FileSystemFormatException($"ext: {InodesPerGroup} inodes in each of {groupCount} groups are not {LittleEndian.UInt32(bytes, 0)}");
        InodeTableBlockCount = (InodesPerGroup * (long)InodeSizeBytes + BlockSizeBytes - 1) / BlockSizeBytes;

        DescriptorSizeBytes = is64Bit ? LittleEndian.UInt16(bytes, 0xFE) : 32;
        if (DescriptorSizeBytes < (is64Bit ? 64 : 32) || DescriptorSizeBytes > 1024 || (DescriptorSizeBytes & (DescriptorSizeBytes - 1)) != 0)
            throw new FileSystemFormatException($"ext: group descriptors of {DescriptorSizeBytes} bytes");
        DescriptorBlockCount = (GroupCount + DescriptorsPerBlock - 1) / DescriptorsPerBlock;
        ReservedDescriptorBlockCount = LittleEndian.UInt16(bytes, 0xCE);
        FirstMetaGroup = HasMetaGroups ? LittleEndian.UInt32(bytes, 0x104) : (uint)DescriptorBlockCount;
        if (FirstMetaGroup > DescriptorBlockCount)
            throw new FileSystemFormatException($"ext: first meta block group {FirstMetaGroup} of {DescriptorBlockCount}");
        _backupGroup0 = LittleEndian.UInt32(bytes, 0x24C);
        _backupGroup1 = LittleEndian.UInt32(bytes, 0x250);

        State = LittleEndian.UInt16(bytes, 0x3A);
        JournalInode = LittleEndian.UInt32(bytes, 0xE0);
        ReadOnlySpan<byte> uuid = bytes.Slice(0x68, 16);
        ChecksumSeed = (_incompat & IncompatChecksumSeed) != 0 ? LittleEndian.UInt32(bytes, 0x270) : Crc32C.Update(uint.MaxValue, uuid);
        DescriptorChecksumSeed = Crc16.Update(ushort.MaxValue, uuid);
    }

    public bool VerifiesChecksums { get; }
    public int BlockSizeBytes { get; }
    public int BlocksPerCluster { get; }
    public long ClusterSizeBytes => (long)BlockSizeBytes * BlocksPerCluster;
    public long BlockCount { get; }
    public long FreeBlockCount { get; }
    public uint FirstDataBlock { get; }
    public uint BlocksPerGroup { get; }
    public uint ClustersPerGroup { get; }
    public uint InodesPerGroup { get; }
    public int InodeSizeBytes { get; }
    public long InodeTableBlockCount { get; }
    public int GroupCount { get; }
    public int DescriptorSizeBytes { get; }
    public int DescriptorsPerBlock => BlockSizeBytes / DescriptorSizeBytes;
    public int DescriptorBlockCount { get; }
    public int ReservedDescriptorBlockCount { get; }

    /// <summary>Descriptor blocks before this one follow the superblock; from it on they lie in their own groups.</summary>
    public uint FirstMetaGroup { get; }
    public ushort State { get; }
    public uint JournalInode { get; }
    public uint ChecksumSeed { get; }
    public ushort DescriptorChecksumSeed { get; }

    public bool HasJournal => (_compat & CompatHasJournal) != 0;
    public bool NeedsRecovery => (_incompat & IncompatRecover) != 0;
    public bool HasMetaGroups => (_incompat & IncompatMetaGroups) != 0;
    public bool HasLargeDirectories => (_incompat & IncompatLargeDirectory) != 0;
    public bool IsBigAlloc => (_roCompat & RoCompatBigAlloc) != 0;
    public bool HasMetadataChecksums => (_roCompat & RoCompatMetadataChecksum) != 0;
    public bool HasDescriptorChecksums => (_roCompat & RoCompatDescriptorChecksum) != 0;

    /// <summary>Whether a group may be marked as never initialised: only a checksummed descriptor may say so.</summary>
    public bool HasUninitialisedGroups => HasMetadataChecksums || HasDescriptorChecksums;
    public bool HasErrors => (State & StateErrors) != 0;
    public bool WasUnmounted => (State & StateValid) != 0;

    /// <summary>The block that holds the primary superblock.</summary>
    public long SuperblockBlock => OffsetBytes / BlockSizeBytes;

    public long GroupFirstBlock(int group) => FirstDataBlock + (long)group * BlocksPerGroup;

    public long GroupBlockCount(int group) => Math.Min(BlocksPerGroup, BlockCount - GroupFirstBlock(group));

    /// <summary>Whether the group begins with a copy of the superblock (sparse_super, sparse_super2).</summary>
    public bool HasSuperblockCopy(int group)
    {
        if (group == 0)
            return true;
        if ((_compat & CompatSparseSuper2) != 0)
            return (uint)group == _backupGroup0 || (uint)group == _backupGroup1;
        if (group == 1 || (_roCompat & RoCompatSparseSuper) == 0)
            return true;
        return (group & 1) != 0 && (IsPowerOf(group, 3) || IsPowerOf(group, 5) || IsPowerOf(group, 7));
    }

    /// <summary>Where a block of group descriptors lies (the primary copy).</summary>
    public long DescriptorBlock(int index)
    {
        if (index < FirstMetaGroup)
            return SuperblockBlock + 1 + index;
        int group = index * DescriptorsPerBlock;
        long block = GroupFirstBlock(group) + (HasSuperblockCopy(group) ? 1 : 0);
        // With 1 KiB blocks and bigalloc block 0 is the boot block and the superblock follows it.
        return group == 0 ? SuperblockBlock + 1 : block;
    }

    /// <summary>Blocks at a group's start that hold the superblock, descriptors and room for more of them.</summary>
    public long GroupHeadBlockCount(int group)
    {
        bool hasSuperblock = HasSuperblockCopy(group);
        long count = hasSuperblock ? 1 : 0;
        if (group == 0)
            count += SuperblockBlock - FirstDataBlock;
        int metaGroup = group / DescriptorsPerBlock;
        if (metaGroup < FirstMetaGroup)
            return hasSuperblock ? count + (HasMetaGroups ? FirstMetaGroup : DescriptorBlockCount) + ReservedDescriptorBlockCount : count;
        int first = metaGroup * DescriptorsPerBlock;
        return group == first || group == first + 1 || group == first + DescriptorsPerBlock - 1 ? count + 1 : count;
    }

    /// <summary>The superblock from its bytes.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, or of a feature that is not known.</exception>
    public static ExtSuperblock Parse(ReadOnlySpan<byte> bytes, long volumeLengthBytes, bool verifiesChecksums)
    {
        if (!HasMagic(bytes))
            throw new FileSystemFormatException("ext: no superblock");
        return new ExtSuperblock(StructureBounds.Field(bytes, 0, LengthBytes), volumeLengthBytes, verifiesChecksums);
    }

    public static bool HasMagic(ReadOnlySpan<byte> bytes) => LittleEndian.UInt16(bytes, 0x38) == Magic;

    public static bool IsJournalDevice(ReadOnlySpan<byte> bytes) => (LittleEndian.UInt32(bytes, 0x60) & IncompatJournalDevice) != 0;

    /// <summary>What the superblock says of itself, taken as it stands: for a probe.</summary>
    public static FileSystemDescription? Describe(ReadOnlySpan<byte> bytes)
    {
        uint logBlockSize = LittleEndian.UInt32(bytes, 0x18);
        // The magic is two bytes only: the other conditions keep chance matches out.
        if (!HasMagic(bytes) || logBlockSize > 6 || LittleEndian.UInt32(bytes, 0x4C) > 1 || LittleEndian.UInt32(bytes, 0x20) == 0)
            return null;
        uint compat = LittleEndian.UInt32(bytes, 0x5C);
        uint incompat = LittleEndian.UInt32(bytes, 0x60);
        uint roCompat = LittleEndian.UInt32(bytes, 0x64);
        bool is64Bit = (incompat & Incompat64Bit) != 0;
        ulong blockCount = LittleEndian.UInt32(bytes, 0x4) | (is64Bit ? (ulong)LittleEndian.UInt32(bytes, 0x150) << 32 : 0);
        ulong freeCount = LittleEndian.UInt32(bytes, 0xC) | (is64Bit ? (ulong)LittleEndian.UInt32(bytes, 0x158) << 32 : 0);
        if (blockCount == 0 || blockCount > (ulong)long.MaxValue >> 16)
            return null;
        long blockSizeBytes = 1024L << (int)logBlockSize;
        uint logClusterSize = (roCompat & RoCompatBigAlloc) != 0 ? LittleEndian.UInt32(bytes, 0x1C) : logBlockSize;
        bool isJournalDevice = (incompat & IncompatJournalDevice) != 0;
        bool isExt4 = (roCompat & ~Ext3RoCompat) != 0 || (incompat & ~Ext3Incompat) != 0;
        ushort state = LittleEndian.UInt16(bytes, 0x3A);
        return new FileSystemDescription
        {
            Type = isJournalDevice ? "jbd" : isExt4 ? "ext4" : (compat & CompatHasJournal) != 0 ? "ext3" : "ext2",
            Label = VolumeStructures.Utf8Label(bytes.Slice(0x78, 16)),
            Uuid = VolumeStructures.Uuid(bytes.Slice(0x68, 16)),
            Version = FormattableString.Invariant($"{LittleEndian.UInt32(bytes, 0x4C)}.{LittleEndian.UInt16(bytes, 0x3E)}"),
            SizeBytes = (long)blockCount * blockSizeBytes,
            ClusterSizeBytes = logClusterSize is >= 0 and <= 20 ? 1024 << (int)logClusterSize : (int)blockSizeBytes,
            Marks = s_marks,
            UsedBytes = isJournalDevice || freeCount > blockCount ? null : (long)(blockCount - freeCount) * blockSizeBytes,
            IsClean = isJournalDevice ? null : (state & StateValid) != 0 && (state & StateErrors) == 0 && (incompat & IncompatRecover) == 0,
        };
    }

    private static bool IsPowerOf(int value, int root)
    {
        long power = root;
        while (power < value)
            power *= root;
        return power == value;
    }
}
