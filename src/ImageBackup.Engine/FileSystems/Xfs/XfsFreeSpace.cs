using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The free space of one allocation group: its header (AGF) and the two B+trees that hold the same free extents,
/// by block number and by length ("XFS Algorithms &amp; Data Structures", AG Free Space Management).
/// </summary>
internal sealed class XfsFreeSpace
{
    private const uint HeaderMagic = 0x58414746; // XAGF
    private const uint ByBlockMagic4 = 0x41425442; // ABTB
    private const uint ByLengthMagic4 = 0x41425443; // ABTC
    private const uint ByBlockMagic5 = 0x41423342; // AB3B
    private const uint ByLengthMagic5 = 0x41423343; // AB3C
    private const int HeaderCrcOffset = 216;
    private const int BlockCrcOffset = 52;
    private const int RecordLengthBytes = 8;
    private const int PointerLengthBytes = 4;
    private const uint MaxLevelCount = 9;

    private readonly IBlockReader _volume;
    private readonly XfsSuperblock _superblock;
    private readonly UsedRangeBuilder _builder;
    private readonly CancellationToken _cancellation;
    private readonly int _blockHeaderBytes;
    private readonly int _leafCapacity;
    private readonly int _nodeCapacity;
    private int _group;
    private long _groupBlockCount;
    private ulong _previous;
    private long _freeCount;
    private uint _longest;
    private long _visitsLeft;

    /// <param name="volume">With the log's changes over it.</param>
    /// <param name="superblock">Its superblock.</param>
    /// <param name="builder">Is told what is free.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public XfsFreeSpace(IBlockReader volume, XfsSuperblock superblock, UsedRangeBuilder builder, CancellationToken cancellation)
    {
        _volume = volume;
        _superblock = superblock;
        _builder = builder;
        _cancellation = cancellation;
        _blockHeaderBytes = superblock.HasChecksums ? 56 : 16;
        _leafCapacity = (superblock.BlockSizeBytes - _blockHeaderBytes) / RecordLengthBytes;
        _nodeCapacity = (superblock.BlockSizeBytes - _blockHeaderBytes) / (RecordLengthBytes + PointerLengthBytes);
    }

    /// <summary>Free blocks of all groups read so far, by their trees.</summary>
    public long FreeBlockCount { get; private set; }

    /// <summary>Blocks that the superblock counts as free too: the AG free lists and the trees' own.</summary>
    public long ReserveBlockCount { get; private set; }

    /// <exception cref="FileSystemFormatException">Damaged, or the trees and the header disagree.</exception>
    public void ReadGroup(int group)
    {
        _cancellation.ThrowIfCancellationRequested();
        _group = group;
        _groupBlockCount = _superblock.GroupLengthBlocks(group);
        long headerOffset = _superblock.GroupOffsetBytes(group) + _superblock.SectorSizeBytes;
        byte[] header = _volume.ReadExact(headerOffset, _superblock.SectorSizeBytes);
        if (BigEndian.UInt32(header, 0) != HeaderMagic || BigEndian.UInt32(header, 4) != 1 || BigEndian.UInt32(header, 8) != (uint)group)
            throw Damaged("the free-space header is none");
        if (_superblock.HasChecksums)
        {
            if (_superblock.VerifiesChecksums && !XfsChecksum.Matches(header, HeaderCrcOffset))
                throw Damaged("the free-space header does not match its checksum");
            if (_superblock.VerifiesChecksums && !header.AsSpan(64, 16).SequenceEqual(_superblock.MetadataUuid))
                throw Damaged("the free-space header belongs to another file system");
        }
        if (BigEndian.UInt32(header, 12) != _groupBlockCount)
            throw Damaged($"its header says {BigEndian.UInt32(header, 12)} blocks, the superblock {_groupBlockCount}");
        uint freeCount = BigEndian.UInt32(header, 52);
        uint longest = BigEndian.UInt32(header, 56);
        _visitsLeft = _groupBlockCount;
        ReadTree(BigEndian.UInt32(header, 16), BigEndian.UInt32(header, 28), isByLength: false);
        if (_freeCount != freeCount || _longest != longest)
            throw Damaged($"the tree by block has {_freeCount} free blocks, {_longest} in one piece, the header {freeCount} and {longest}");
        ReadTree(BigEndian.UInt32(header, 20), BigEndian.UInt32(header, 32), isByLength: true);
        if (_freeCount != freeCount || _longest != longest)
            throw Damaged($"the tree by length has {_freeCount} free blocks, {_longest} in one piece, the header {freeCount} and {longest}");
        FreeBlockCount += freeCount;
        ReserveBlockCount += BigEndian.UInt32(header, 48) + (long)BigEndian.UInt32(header, 60);
    }

    private void ReadTree(uint root, uint levelCount, bool isByLength)
    {
        if (levelCount is 0 or > MaxLevelCount)
            throw Damaged($"a free-space tree of {levelCount} levels");
        _previous = 0;
        _freeCount = 0;
        _longest = 0;
        ReadBlock(root, (int)levelCount - 1, isRoot: true, isByLength);
    }

    private void ReadBlock(uint block, int level, bool isRoot, bool isByLength)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (block == 0 || block >= _groupBlockCount || _visitsLeft-- <= 0)
            throw Damaged($"a free-space tree names block {block}");
        long offset = _superblock.GroupOffsetBytes(_group) + (long)block * _superblock.BlockSizeBytes;
        byte[] bytes = _volume.ReadExact(offset, _superblock.BlockSizeBytes);
        uint magic = _superblock.HasChecksums
            ? isByLength ? ByLengthMagic5 : ByBlockMagic5
            : isByLength ? ByLengthMagic4 : ByBlockMagic4;
        if (BigEndian.UInt32(bytes, 0) != magic || BigEndian.UInt16(bytes, 4) != level)
            throw Damaged($"block {block} is not part of the free-space tree");
        if (_superblock.HasChecksums && _superblock.VerifiesChecksums)
        {
            if (!XfsChecksum.Matches(bytes, BlockCrcOffset))
                throw Damaged($"block {block} of a free-space tree does not match its checksum");
            if (BigEndian.UInt64(bytes, 16) != (ulong)offset / 512 || BigEndian.UInt32(bytes, 48) != (uint)_group
                || !bytes.AsSpan(32, 16).SequenceEqual(_superblock.MetadataUuid))
                throw Damaged($"block {block} of a free-space tree belongs elsewhere");
        }
        int count = BigEndian.UInt16(bytes, 6);
        int capacity = level == 0 ? _leafCapacity : _nodeCapacity;
        if (count > capacity || !isRoot && count < capacity / 2 || isRoot && level > 0 && count == 0)
            throw Damaged($"block {block} of a free-space tree holds {count} of {capacity} entries");
        for (int i = 0; i < count; i++)
        {
            if (level == 0)
                ReadRecord(bytes, _blockHeaderBytes + i * RecordLengthBytes, isByLength);
            else
                ReadBlock(BigEndian.UInt32(bytes, _blockHeaderBytes + _nodeCapacity * RecordLengthBytes + i * PointerLengthBytes), level - 1, isRoot: false, isByLength);
        }
    }

    private void ReadRecord(ReadOnlySpan<byte> bytes, int at, bool isByLength)
    {
        uint start = BigEndian.UInt32(bytes, at);
        uint length = BigEndian.UInt32(bytes, at + 4);
        if (start == 0 || length == 0 || (long)start + length > _groupBlockCount)
            throw Damaged($"the free extent {start}+{length} lies outside");
        // In one tree the extents follow one another without touching, in the other they grow.
        ulong order = isByLength ? (ulong)length << 32 | start : (ulong)start + length;
        if (isByLength ? order <= _previous : start <= _previous && _previous != 0)
            throw Damaged($"the free extent {start}+{length} is out of order");
        _previous = order;
        _freeCount += length;
        _longest = Math.Max(_longest, length);
        if (!isByLength)
            _builder.Free(_superblock.GroupOffsetBytes(_group) + (long)start * _superblock.BlockSizeBytes, (long)length * _superblock.BlockSizeBytes);
    }

    private FileSystemFormatException Damaged(string what) => new($"xfs: allocation group {_group}: {what}");
}
