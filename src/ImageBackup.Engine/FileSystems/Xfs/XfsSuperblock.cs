using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The primary superblock of XFS versions 4 and 5 ("XFS Algorithms &amp; Data Structures", Superblocks): the first
/// sector, high byte first. Everything here has been checked to fit together and the volume.
/// </summary>
internal sealed class XfsSuperblock
{
    private const uint Magic = 0x58465342; // XFSB
    private const int MinLengthBytes = 512;
    private static readonly ByteRange[] s_marks = [new(0, 4)];
    private const int CrcOffset = 224;
    private const ushort FlagShared = 0x200;
    private const ushort FlagLog2 = 0x400;
    private const ushort FlagSector = 0x800;
    private const ushort FlagIgnoresCase = 0x4000;
    private const ushort FlagMoreBits = 0x8000;
    private const uint Features2LazyCount = 0x2;
    private const uint Features2FileTypes = 0x200;
    private const uint IncompatFileTypes = 0x1;

    // finobt, rmapbt, reflink, inobtcnt
    private const uint KnownRoCompat = 0x1 | 0x2 | 0x4 | 0x8;

    // ftype, spinodes, meta_uuid, bigtime, nrext64, exchrange, parent. Not known: metadir, zoned and what comes.
    private const uint KnownIncompat = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80;
    private const uint IncompatMetaUuid = 0x4;
    private const uint IncompatNeedsRepair = 0x10;

    // Extended attributes logged by intent
    private const uint KnownLogIncompat = 0x1;
    private const int MaxGroupCount = 1 << 20;

    private XfsSuperblock(ReadOnlySpan<byte> bytes, long volumeLengthBytes, bool verifiesChecksums)
    {
        VerifiesChecksums = verifiesChecksums;
        ushort flags = BigEndian.UInt16(bytes, 100);
        Version = flags & 0xF;
        if (Version is not (4 or 5))
            throw new FileSystemFormatException($"xfs: version {Version} is not read");
        SectorSizeBytes = BigEndian.UInt16(bytes, 102);
        BlockSizeBytes = StructureSize(BigEndian.UInt32(bytes, 4), 65536, "blocks");
        StructureSize((uint)SectorSizeBytes, Math.Min(BlockSizeBytes, 32768), "sectors");
        if (1 << BigEndian.UInt8(bytes, 120) != BlockSizeBytes)
            throw new FileSystemFormatException("xfs: the block size contradicts itself");
        if (BigEndian.UInt8(bytes, 126) != 0)
            throw new FileSystemFormatException("xfs: the making of the file system was not finished");
        BlockCount = BigEndian.Int63(bytes, 8);
        if (BlockCount > volumeLengthBytes / BlockSizeBytes)
            throw new FileSystemFormatException($"xfs: {BlockCount} blocks of {BlockSizeBytes} bytes do not fit the volume of {volumeLengthBytes} bytes");
        GroupBlockCount = BigEndian.UInt32(bytes, 84);
        uint groupCount = BigEndian.UInt32(bytes, 88);
        GroupBlockBits = BigEndian.UInt8(bytes, 124);
        if (GroupBlockCount < 64 || groupCount is 0 or > MaxGroupCount || (BlockCount + GroupBlockCount - 1) / GroupBlockCount != groupCount
            || GroupBlockBits > 31 || GroupBlockCount > 1L << GroupBlockBits || GroupBlockCount <= 1L << GroupBlockBits >> 1
            || GroupBlockCount * BlockSizeBytes < 4L * SectorSizeBytes)
            throw new FileSystemFormatException($"xfs: {groupCount} allocation groups of {GroupBlockCount} blocks are not {BlockCount} blocks");
        GroupCount = (int)groupCount;
        FreeBlockCount = BigEndian.Int63(bytes, 144);

        HasRealtimeSection = BigEndian.UInt64(bytes, 16) != 0;
        if ((flags & FlagShared) != 0)
            throw new FileSystemFormatException("xfs: a shared read-only file system is not read");
        LogStart = BigEndian.Int63(bytes, 48);
        LogLengthBytes = BigEndian.UInt32(bytes, 96) * (long)BlockSizeBytes;
        long logGroup = LogStart >> GroupBlockBits;
        long logBlock = LogStart & ((1L << GroupBlockBits) - 1);
        if (LogStart == 0)
            LogLengthBytes = 0;
        else if (logGroup >= GroupCount || LogLengthBytes is < 4096 or > 1L << 32
            || (logBlock * BlockSizeBytes) + LogLengthBytes > GroupLengthBlocks((int)logGroup) * BlockSizeBytes)
            throw new FileSystemFormatException("xfs: the log does not lie in an allocation group");
        LogOffsetBytes = (logGroup * GroupBlockCount + logBlock) * BlockSizeBytes;
        HasLog2 = (flags & FlagLog2) != 0;

        // Inodes are numbered by where they lie: group, block in the group, place in the block.
        int inodeBits = BigEndian.UInt8(bytes, 123);
        long rootInode = BigEndian.Int63(bytes, 56);
        if (inodeBits > 12 || rootInode >> (GroupBlockBits + inodeBits) >= GroupCount
            || (rootInode >> inodeBits & ((1L << GroupBlockBits) - 1)) >= GroupLengthBlocks((int)(rootInode >> (GroupBlockBits + inodeBits))))
            throw new FileSystemFormatException($"xfs: the root directory's inode {rootInode} does not lie in the file system");
        RootInodeOffsetBytes = GroupOffsetBytes((int)(rootInode >> (GroupBlockBits + inodeBits)))
            + (rootInode >> inodeBits & ((1L << GroupBlockBits) - 1)) * BlockSizeBytes;

        RootInode = rootInode;
        InodesPerBlockBits = inodeBits;
        InodeSizeBytes = BigEndian.UInt16(bytes, 104);
        DirectoryBlockBits = BigEndian.UInt8(bytes, 192);
        HasFileTypes = Version == 5
            ? (BigEndian.UInt32(bytes, 216) & IncompatFileTypes) != 0
            : (flags & FlagMoreBits) != 0 && (BigEndian.UInt32(bytes, 200) & Features2FileTypes) != 0;

        IgnoresCase = (flags & FlagIgnoresCase) != 0;
        Uuid = bytes.Slice(32, 16).ToArray();
        MetadataUuid = Uuid;
        HasLazyCounts = (flags & FlagMoreBits) != 0 && (BigEndian.UInt32(bytes, 200) & Features2LazyCount) != 0;
        if (Version == 5)
        {
            uint roCompat = BigEndian.UInt32(bytes, 212);
            uint incompat = BigEndian.UInt32(bytes, 216);
            uint logIncompat = BigEndian.UInt32(bytes, 220);
            if ((incompat & IncompatNeedsRepair) != 0)
                throw new FileSystemFormatException("xfs: the file system is marked as needing a repair");
            if ((roCompat & ~KnownRoCompat) != 0 || (incompat & ~KnownIncompat) != 0 || (logIncompat & ~KnownLogIncompat) != 0)
                throw new FileSystemFormatException($"xfs: unknown features 0x{roCompat & ~KnownRoCompat:x}, 0x{incompat & ~KnownIncompat:x}, 0x{logIncompat & ~KnownLogIncompat:x}");
            if ((incompat & IncompatMetaUuid) != 0)
                MetadataUuid = bytes.Slice(248, 16).ToArray();
        }
        else if ((flags & FlagSector) == 0 && SectorSizeBytes != 512)
            throw new FileSystemFormatException($"xfs: sectors of {SectorSizeBytes} bytes without the feature");
    }

    public bool VerifiesChecksums { get; }
    public int Version { get; }
    public bool HasChecksums => Version == 5;
    public int BlockSizeBytes { get; }
    public int SectorSizeBytes { get; }
    public long BlockCount { get; }
    public long FreeBlockCount { get; }
    public uint GroupBlockCount { get; }
    public int GroupBlockBits { get; }
    public int GroupCount { get; }

    /// <summary>Files may have their content on another device.</summary>
    public bool HasRealtimeSection { get; }

    /// <summary>0: the log lies on another device.</summary>
    public long LogStart { get; }
    public long LogOffsetBytes { get; }
    public long LogLengthBytes { get; }
    public bool HasLog2 { get; }

    /// <summary>The block that holds the root directory's inode: in use whatever the free-space trees say.</summary>
    public long RootInodeOffsetBytes { get; }
    public long RootInode { get; }
    public int InodesPerBlockBits { get; }

    /// <summary>As it stands there: to be held against the block before it is used.</summary>
    public int InodeSizeBytes { get; }

    /// <summary>The exponent of a directory block's file-system blocks, as it stands there.</summary>
    public int DirectoryBlockBits { get; }

    /// <summary>Directories say what kind of file a name is.</summary>
    public bool HasFileTypes { get; }
    public bool HasLazyCounts { get; }

    /// <summary>The hashes of names are those of small letters ("ascii-ci").</summary>
    public bool IgnoresCase { get; }
    public byte[] Uuid { get; }

    /// <summary>What the structures carry; differs from <see cref="Uuid"/> once the UUID was changed.</summary>
    public byte[] MetadataUuid { get; }

    public long GroupOffsetBytes(int group) => (long)group * GroupBlockCount * BlockSizeBytes;

    public long GroupLengthBlocks(int group) => Math.Min(GroupBlockCount, BlockCount - (long)group * GroupBlockCount);

    public static bool HasMagic(ReadOnlySpan<byte> bytes) => BigEndian.UInt32(bytes, 0) == Magic;

    /// <exception cref="FileSystemFormatException">Damaged, or of a feature that is not known.</exception>
    public static XfsSuperblock Read(IBlockReader volume, bool verifiesChecksums)
    {
        byte[] bytes = volume.ReadExact(0, MinLengthBytes);
        if (!HasMagic(bytes))
            throw new FileSystemFormatException("xfs: no superblock");
        var superblock = new XfsSuperblock(bytes, volume.LengthBytes, verifiesChecksums);
        if (superblock.HasChecksums && verifiesChecksums
            && !XfsChecksum.Matches(volume.ReadExact(0, superblock.SectorSizeBytes), CrcOffset))
            throw new FileSystemFormatException("xfs: the superblock's checksum does not match");
        return superblock;
    }

    /// <summary>What the superblock says of itself, taken as it stands: for a probe.</summary>
    public static FileSystemDescription? Describe(IBlockReader volume)
    {
        if (volume.TryRead(0, MinLengthBytes) is not { } bytes || !HasMagic(bytes))
            return null;
        uint blockSizeBytes = BigEndian.UInt32(bytes, 4);
        ulong blockCount = BigEndian.UInt64(bytes, 8);
        ulong freeCount = BigEndian.UInt64(bytes, 144);
        if (blockSizeBytes is < 512 or > 65536 || (blockSizeBytes & (blockSizeBytes - 1)) != 0 || blockCount == 0
            || blockCount > (ulong)long.MaxValue / blockSizeBytes)
            return null;
        return new FileSystemDescription
        {
            Type = "xfs",
            Label = VolumeStructures.Utf8Label(bytes.AsSpan(108, 12)),
            Uuid = VolumeStructures.Uuid(bytes.AsSpan(32, 16)),
            Version = (BigEndian.UInt16(bytes, 100) & 0xF).ToString(CultureInfo.InvariantCulture),
            SizeBytes = (long)blockCount * blockSizeBytes,
            Marks = s_marks,
            ClusterSizeBytes = (int)blockSizeBytes,
            UsedBytes = freeCount > blockCount ? null : (long)(blockCount - freeCount) * blockSizeBytes,
        };
    }

    private static int StructureSize(uint value, int max, string name) =>
        value >= 512 && value <= max && (value & (value - 1)) == 0
            ? (int)value
            : throw new FileSystemFormatException($"xfs: {name} of {value} bytes");
}
