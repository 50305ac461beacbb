using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>Chunk tree, root tree, extent tree and log tree of one volume, read once in that order.</summary>
internal sealed class BtrfsUsedRangeScan
{
    private const ulong ExtentTreeId = 2;
    private const ulong BlockGroupTreeId = 11;
    private const ulong TreeLogId = unchecked((ulong)-6L);
    private const int RootGenerationOffset = 160;
    private const int RootAddressOffset = 176;
    private const int RootLevelOffset = 238;
    private const int FileExtentTypeOffset = 20;
    private const byte FileExtentInline = 0;

    /// <summary>Nothing is allocated below; boot loaders live there, and the primary superblock.</summary>
    private const long ReservedHeadBytes = 1 << 20;
    private const long MirrorLengthBytes = 64 * 1024;
    private const int MaxLogRangeCount = 1 << 20;

    private static readonly long[] s_mirrorOffsets = [64L << 20, 256L << 30];

    private readonly IBlockReader _volume;
    private readonly BtrfsSuperblock _superblock;
    private readonly BtrfsChunkMap _chunks;
    private readonly BtrfsTree _tree;
    private readonly UsedRangeBuilder _builder;
    private readonly Dictionary<ulong, Root> _roots = [];
    private readonly Dictionary<long, Group> _groups = [];
    private readonly List<long> _nodes = [];
    private int _chunkIndex = -1;
    private long _position;
    private long _chunkUsedBytes;
    private long _usedBytes;
    private int _logRangeCount;

    public BtrfsUsedRangeScan(IBlockReader volume, BtrfsSuperblock superblock, CancellationToken cancellation)
    {
        _volume = volume;
        _superblock = superblock;
        _chunks = new BtrfsChunkMap(superblock);
        _tree = new BtrfsTree(volume, superblock, _chunks, cancellation);
        _builder = new UsedRangeBuilder(volume.LengthBytes, superblock.SectorSizeBytes);
    }

    private readonly record struct Root(long Address, int Level, ulong Generation);

    /// <summary>What a block group says of itself, and what its chunk's extents came to.</summary>
    private readonly record struct Group(long LengthBytes, long UsedBytes);

    public UsedRangeMap Run()
    {
        _tree.Walk(_superblock.ChunkTree, _superblock.ChunkLevel, _superblock.ChunkGeneration, ReadChunkItem, _nodes.Add);
        _chunks.Sort();
        FreeUnallocated();
        _tree.Walk(_superblock.RootTree, _superblock.RootLevel, _superblock.Generation, ReadRootItem, _nodes.Add);
        Root extents = _roots.TryGetValue(ExtentTreeId, out Root found)
            ? found
            : throw new FileSystemFormatException("btrfs: there is no extent tree");

        // A chunk that no group knows is not believed to be free. If groups have no tree of their own, each has its
        // item in the extent tree, before any of its free space is passed.
        if (_roots.TryGetValue(BlockGroupTreeId, out Root groups))
            _tree.Walk(groups.Address, groups.Level, groups.Generation, ReadGroupItem, _nodes.Add);
        _tree.Walk(extents.Address, extents.Level, extents.Generation, (key, item) =>
        {
            ReadGroupItem(key, item);
            ReadExtentItem(key);
        }, _nodes.Add);
        while (_chunkIndex < _chunks.Chunks.Count)
            NextChunk();
        if (_usedBytes != _superblock.UsedBytes)
            throw new FileSystemFormatException($"btrfs: the superblock counts {_superblock.UsedBytes} used bytes, the extent tree {_usedBytes}");
        if (_superblock.LogTree != 0)
            KeepLog();
        _builder.Keep(0, ReservedHeadBytes);
        foreach (long mirror in s_mirrorOffsets)
            _builder.Keep(mirror, MirrorLengthBytes);
        UsedRangeMap map = _builder.Build();
        RequireNodesUsed(map);
        return map;
    }

    // Something that does not come from the extent tree: the nodes that were just read are in use, so it must say so.
    private void RequireNodesUsed(UsedRangeMap map)
    {
        foreach (long address in _nodes)
        {
            BtrfsChunkMap.Chunk chunk = _chunks.Find(address, _superblock.NodeSizeBytes);
            long inside = address - chunk.StartBytes;
            if (!map.Covers(new ByteRange(chunk.OffsetBytes + inside, _superblock.NodeSizeBytes))
                || (chunk.SecondOffsetBytes >= 0 && !map.Covers(new ByteRange(chunk.SecondOffsetBytes + inside, _superblock.NodeSizeBytes))))
                throw new FileSystemFormatException($"btrfs: the extent tree calls the tree node at {address} free");
        }
    }

    private void ReadChunkItem(BtrfsKey key, ReadOnlySpan<byte> item)
    {
        if (key.Type == BtrfsKey.ChunkItem)
            _chunks.Add(key, item);
    }

    private void ReadRootItem(BtrfsKey key, ReadOnlySpan<byte> item)
    {
        if (key.Type != BtrfsKey.RootItem)
            return;
        var root = new Root(LittleEndian.Int63(item, RootAddressOffset), LittleEndian.UInt8(item, RootLevelOffset), LittleEndian.UInt64(item, RootGenerationOffset));
        // Subvolumes are of no interest here: all they refer to is in the extent tree.
        if (key.ObjectId is ExtentTreeId or BlockGroupTreeId)
            _roots[key.ObjectId] = root;
    }

    private void ReadGroupItem(BtrfsKey key, ReadOnlySpan<byte> item)
    {
        if (key.Type != BtrfsKey.BlockGroupItem)
            return;
        long start = StructureBounds.Signed(key.ObjectId, 0);
        long length = StructureBounds.Signed(key.Offset, 0);
        BtrfsChunkMap.Chunk chunk = _chunks.Find(start, length);
        if (chunk.StartBytes != start || chunk.LengthBytes != length)
            throw new FileSystemFormatException($"btrfs: the block group at {start} is not a chunk");
        _groups[start] = new Group(length, LittleEndian.Int63(item, 0));
    }

    private void ReadExtentItem(BtrfsKey key)
    {
        if (key.Type is not (BtrfsKey.ExtentItem or BtrfsKey.MetadataItem))
            return;
        long start = StructureBounds.Signed(key.ObjectId, 0);
        long length = key.Type == BtrfsKey.MetadataItem ? _superblock.NodeSizeBytes : StructureBounds.Signed(key.Offset, 0);
        if (length == 0 || length % _superblock.SectorSizeBytes != 0 || start % _superblock.SectorSizeBytes != 0)
            throw new FileSystemFormatException($"btrfs: the extent {start}+{length} is damaged");
        BtrfsChunkMap.Chunk chunk = _chunks.Find(start, length);
        while (_chunkIndex < 0 || _chunks.Chunks[_chunkIndex].StartBytes < chunk.StartBytes)
            NextChunk();
        if (start < _position)
            throw new FileSystemFormatException($"btrfs: the extent {start}+{length} overlaps the one before");
        Free(chunk, _position, start);
        _position = start + length;
        _chunkUsedBytes += length;
    }

    // Ends the chunk at hand: its tail is free, and its sum must be its group's.
    private void NextChunk()
    {
        IReadOnlyList<BtrfsChunkMap.Chunk> chunks = _chunks.Chunks;
        if (_chunkIndex >= 0)
        {
            BtrfsChunkMap.Chunk chunk = chunks[_chunkIndex];
            Free(chunk, _position, chunk.EndBytes);
            _usedBytes += _chunkUsedBytes;
            long groupUsedBytes = _groups.TryGetValue(chunk.StartBytes, out Group group) ? group.UsedBytes : 0;
            if (groupUsedBytes != _chunkUsedBytes)
                throw new FileSystemFormatException($"btrfs: the block group at {chunk.StartBytes} counts {groupUsedBytes} used bytes, its extents {_chunkUsedBytes}");
        }
        _chunkIndex++;
        _chunkUsedBytes = 0;
        _position = _chunkIndex < chunks.Count ? chunks[_chunkIndex].StartBytes : 0;
    }

    private void Free(BtrfsChunkMap.Chunk chunk, long start, long end)
    {
        if (!_groups.ContainsKey(chunk.StartBytes))
            return;
        _builder.Free(chunk.OffsetBytes + (start - chunk.StartBytes), end - start);
        if (chunk.SecondOffsetBytes >= 0)
            _builder.Free(chunk.SecondOffsetBytes + (start - chunk.StartBytes), end - start);
    }

    private void FreeUnallocated()
    {
        var allocated = new List<ByteRange>();
        foreach (BtrfsChunkMap.Chunk chunk in _chunks.Chunks)
        {
            allocated.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
            if (chunk.SecondOffsetBytes >= 0)
                allocated.Add(new ByteRange(chunk.SecondOffsetBytes, chunk.LengthBytes));
        }
        allocated.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        long position = Math.Min(ReservedHeadBytes, _superblock.DeviceLengthBytes);
        long end = 0;
        foreach (ByteRange range in allocated)
        {
            if (range.OffsetBytes < end)
                throw new FileSystemFormatException($"btrfs: two chunks share the device's offset {range.OffsetBytes}");
            end = range.EndBytes;
            if (range.OffsetBytes > position)
                _builder.Free(position, range.OffsetBytes - position);
            position = Math.Max(position, end);
        }
        _builder.Free(position, _superblock.DeviceLengthBytes - position);
    }

    // Data synced since the last commit is in no extent tree yet: the log trees' own nodes and the file content
    // that their items name.
    private void KeepLog()
    {
        var logs = new List<Root>();
        void KeepNode(long address) => KeepAddress(address, _superblock.NodeSizeBytes);
        _tree.Walk(_superblock.LogTree, _superblock.LogLevel, generation: null, (key, item) =>
        {
            if (key.ObjectId == TreeLogId && key.Type == BtrfsKey.RootItem)
                logs.Add(new Root(LittleEndian.Int63(item, RootAddressOffset), LittleEndian.UInt8(item, RootLevelOffset), LittleEndian.UInt64(item, RootGenerationOffset)));
        }, KeepNode);
        foreach (Root log in logs)
        {
            _tree.Walk(log.Address, log.Level, log.Generation, (key, item) =>
            {
                if (key.Type != BtrfsKey.ExtentData || LittleEndian.UInt8(item, FileExtentTypeOffset) == FileExtentInline)
                    return;
                long address = LittleEndian.Int63(item, FileExtentTypeOffset + 1);
                if (address != 0)
                    KeepAddress(address, LittleEndian.Int63(item, FileExtentTypeOffset + 9));
            }, KeepNode);
        }
    }

    private void KeepAddress(long address, long lengthBytes)
    {
        if (++_logRangeCount > MaxLogRangeCount)
            throw new FileSystemFormatException("btrfs: the log tree names more extents than are read");
        BtrfsChunkMap.Chunk chunk = _chunks.Find(address, lengthBytes);
        _builder.Keep(chunk.OffsetBytes + (address - chunk.StartBytes), lengthBytes);
        if (chunk.SecondOffsetBytes >= 0)
            _builder.Keep(chunk.SecondOffsetBytes + (address - chunk.StartBytes), lengthBytes);
    }
}
