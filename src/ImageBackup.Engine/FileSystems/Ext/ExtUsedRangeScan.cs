using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// One pass over the group descriptors and the block bitmaps of the groups that have one.
/// </summary>
/// <remarks>
/// With a journal each descriptor and bitmap is taken as a replay would leave it; blocks that are used either in
/// that view or on the volume stay used, so that a file system that is mounted meanwhile is not cut short.
/// </remarks>
internal sealed class ExtUsedRangeScan
{
    private const int BatchBytes = 1 << 20;

    /// <summary>A mounted file system changes a bitmap and its descriptor one after the other.</summary>
    private const int MaxReadings = 5;

    private readonly IBlockReader _volume;
    private readonly ExtSuperblock _superblock;
    private readonly ExtJournal? _journal;
    private readonly UsedRangeBuilder _builder;
    private readonly RangeJoiner _blockBitmaps;
    private readonly RangeJoiner _inodeBitmaps;
    private readonly RangeJoiner _inodeTables;
    private readonly List<ExtGroup> _batch = [];
    private readonly byte[] _bitmapBuffer;
    private readonly byte[] _rawBuffer;
    private long _freeClusterCount;

    /// <summary>Set if more is kept than the counters ask for, so that the sum cannot be compared.</summary>
    private bool _keepsMore;

    public ExtUsedRangeScan(IBlockReader volume, ExtSuperblock superblock, ExtJournal? journal)
    {
        _volume = volume;
        _superblock = superblock;
        _journal = journal;
        _builder = new UsedRangeBuilder(volume.LengthBytes, (int)superblock.ClusterSizeBytes);
        _blockBitmaps = new RangeJoiner(_builder);
        _inodeBitmaps = new RangeJoiner(_builder);
        _inodeTables = new RangeJoiner(_builder);
        _bitmapBuffer = new byte[BatchLengthBytes(superblock.GroupCount)];
        _rawBuffer = new byte[superblock.BlockSizeBytes];
    }

    private int BlockSize => _superblock.BlockSizeBytes;

    private int BatchLengthBytes(long blockCount) => (int)Math.Min(Math.Max(BatchBytes, BlockSize), blockCount * BlockSize);

    public UsedRangeMap Run(CancellationToken cancellation)
    {
        var descriptors = new byte[BatchLengthBytes(_superblock.DescriptorBlockCount)];
        int perBatch = descriptors.Length / BlockSize;
        for (int first = 0; first < _superblock.DescriptorBlockCount;)
        {
            cancellation.ThrowIfCancellationRequested();
            long location = _superblock.DescriptorBlock(first);
            int count = 1;
            while (count < perBatch && first + count < _superblock.DescriptorBlockCount
                && _superblock.DescriptorBlock(first + count) == location + count)
                count++;
            ReadBlocks(location, descriptors.AsSpan(0, count * BlockSize));
            ReadGroups(first, count, descriptors, cancellation);
            first += count;
        }
        FlushBatch(cancellation);
        _blockBitmaps.Flush();
        _inodeBitmaps.Flush();
        _inodeTables.Flush();
        return Reconcile();
    }

    // All counters there are must tell the same: the map, the descriptors, and on a clean volume the superblock.
    private UsedRangeMap Reconcile()
    {
        bool isClean = _superblock.WasUnmounted && !_superblock.NeedsRecovery;
        if (isClean && _freeClusterCount * _superblock.BlocksPerCluster != _superblock.FreeBlockCount)
            throw new FileSystemFormatException(FormattableString.Invariant(
                $"ext: the superblock counts {_superblock.FreeBlockCount} free blocks, the block groups {_freeClusterCount * _superblock.BlocksPerCluster}"));
        UsedRangeMap map = _builder.Build();
        long freeBytes = _volume.LengthBytes - map.UsedBytes;
        long countedBytes = _freeClusterCount * _superblock.ClusterSizeBytes;
        if (freeBytes != countedBytes && !_keepsMore && _builder.MinimumRunBytes == 0)
            throw new FileSystemFormatException(FormattableString.Invariant(
                $"ext: {freeBytes} bytes are free outside the file system's own structures, its block groups count {countedBytes}"));
        return map;
    }

    private void ReadGroups(int firstBlock, int blockCount, byte[] descriptors, CancellationToken cancellation)
    {
        int group = firstBlock * _superblock.DescriptorsPerBlock;
        int end = Math.Min(_superblock.GroupCount, (firstBlock + blockCount) * _superblock.DescriptorsPerBlock);
        for (int at = 0; group < end; group++, at += _superblock.DescriptorSizeBytes)
        {
            ReadOnlySpan<byte> bytes = descriptors.AsSpan(at, _superblock.DescriptorSizeBytes);
            if (ExtGroup.TryParse(_superblock, group, bytes, out ExtGroup parsed) is { } reason)
                ReadAgain(group, reason, cancellation);
            else if (!parsed.IsUninitialised)
                Enqueue(parsed, cancellation);
            else
                FreeUninitialised(parsed);
        }
    }

    private void FreeUninitialised(ExtGroup group)
    {
        long clusterCount = KeepStructures(group);
        if (_journal is not null && TryReadRaw(group.Index, out ExtGroup raw) is null && !raw.IsUninitialised)
        {
            // In use on the volume though not by the log: a file system that is mounted right now.
            _keepsMore = true;
            ReadRawBlock(raw.BlockBitmap, _rawBuffer);
            ApplyBitmap(group.Index, _rawBuffer, clusterCount);
        }
        else
        {
            long firstByte = _superblock.GroupFirstBlock(group.Index) * BlockSize;
            _builder.Free(firstByte, _superblock.GroupBlockCount(group.Index) / _superblock.BlocksPerCluster * _superblock.ClusterSizeBytes);
            _keepsMore |= _superblock.GroupBlockCount(group.Index) % _superblock.BlocksPerCluster != 0;
        }
        _freeClusterCount += group.FreeClusterCount;
    }

    // Bitmaps of neighbouring groups mostly lie together (flex_bg): read them at one go.
    private void Enqueue(ExtGroup group, CancellationToken cancellation)
    {
        if (_batch.Count > 0 && (_batch[_batch.Count - 1].BlockBitmap + 1 != group.BlockBitmap || (_batch.Count + 1) * (long)BlockSize > _bitmapBuffer.Length))
            FlushBatch(cancellation);
        _batch.Add(group);
    }

    private void FlushBatch(CancellationToken cancellation)
    {
        if (_batch.Count == 0)
            return;
        cancellation.ThrowIfCancellationRequested();
        Span<byte> bitmaps = _bitmapBuffer.AsSpan(0, _batch.Count * BlockSize);
        _volume.ReadExact(_batch[0].BlockBitmap * BlockSize, bitmaps);
        for (int i = 0; i < _batch.Count; i++)
        {
            ExtGroup group = _batch[i];
            Span<byte> bitmap = bitmaps.Slice(i * BlockSize, BlockSize);
            bool isLogged = _journal is not null && _journal.Contains(group.BlockBitmap);
            if (isLogged)
            {
                bitmap.CopyTo(_rawBuffer);
                _journal!.TryRead(group.BlockBitmap, bitmap);
            }
            if (CheckBitmap(group, bitmap) is { } reason)
                ReadAgain(group.Index, reason, cancellation);
            else
            {
                if (isLogged)
                    _keepsMore |= AddBits(bitmap, _rawBuffer);
                Accept(group, bitmap);
            }
        }
        _batch.Clear();
    }

    // What was read does not fit together: damage, or a mounted file system that changed it meanwhile.
    private void ReadAgain(int index, string reason, CancellationToken cancellation)
    {
        var bitmap = new byte[BlockSize];
        for (int reading = 0; reading < MaxReadings; reading++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryReadRaw(index, out ExtGroup group) is not null)
                continue;
            if (group.IsUninitialised)
            {
                if (_journal is not null)
                    continue;
                FreeUninitialised(group);
                return;
            }
            ReadRawBlock(group.BlockBitmap, bitmap);
            if (CheckBitmap(group, bitmap) is not null)
                continue;
            var logged = new byte[BlockSize];
            if (_journal is not null && _journal.TryRead(group.BlockBitmap, logged))
                _keepsMore |= AddBits(bitmap, logged);
            Accept(group, bitmap);
            return;
        }
        throw new FileSystemFormatException(reason);
    }

    private void Accept(ExtGroup group, ReadOnlySpan<byte> bitmap)
    {
        long clusterCount = KeepStructures(group);
        ApplyBitmap(group.Index, bitmap, clusterCount);
        _freeClusterCount += group.FreeClusterCount;
    }

    private string? CheckBitmap(ExtGroup group, ReadOnlySpan<byte> bitmap)
    {
        if (!group.MatchesBitmapChecksum(_superblock, bitmap))
            return $"ext: the block bitmap of group {group.Index} does not match its checksum";
        long clusterCount = ClusterCount(group.Index);
        long freeCount = UsedRangeBuilder.CountFree(bitmap, clusterCount);
        return freeCount == group.FreeClusterCount
            ? null
            : $"ext: the block bitmap of group {group.Index} has {freeCount} free clusters, its descriptor counts {group.FreeClusterCount}";
    }

    private void ApplyBitmap(int index, ReadOnlySpan<byte> bitmap, long clusterCount)
    {
        // A last cluster that the file system's end cuts is left used.
        long wholeCount = Math.Min(clusterCount, _superblock.GroupBlockCount(index) / _superblock.BlocksPerCluster);
        _keepsMore |= wholeCount != clusterCount;
        _builder.FreeByBitmap(bitmap, _superblock.GroupFirstBlock(index) * BlockSize, wholeCount, _superblock.ClusterSizeBytes);
    }

    private long ClusterCount(int index) =>
        (_superblock.GroupBlockCount(index) + _superblock.BlocksPerCluster - 1) / _superblock.BlocksPerCluster;

    // Used whatever a bitmap says: what the group's descriptor names, and the group's head.
    private long KeepStructures(ExtGroup group)
    {
        KeepBlocks(_blockBitmaps, group.BlockBitmap, 1);
        KeepBlocks(_inodeBitmaps, group.InodeBitmap, 1);
        KeepBlocks(_inodeTables, group.InodeTable, _superblock.InodeTableBlockCount);
        long headCount = Math.Min(_superblock.GroupHeadBlockCount(group.Index), _superblock.GroupBlockCount(group.Index));
        KeepBlocks(null, _superblock.GroupFirstBlock(group.Index), headCount);
        return ClusterCount(group.Index);
    }

    private void KeepBlocks(RangeJoiner? joiner, long block, long count)
    {
        if (count == 0)
            return;
        long clusterSize = _superblock.ClusterSizeBytes;
        long origin = (long)_superblock.FirstDataBlock * BlockSize;
        long start = (block * BlockSize - origin) / clusterSize * clusterSize + origin;
        long end = ((block + count) * BlockSize - origin + clusterSize - 1) / clusterSize * clusterSize + origin;
        if (joiner is null)
            _builder.Keep(start, end - start);
        else
            joiner.Add(start, end);
    }

    private string? TryReadRaw(int index, out ExtGroup group)
    {
        var bytes = new byte[_superblock.DescriptorSizeBytes];
        _volume.ReadExact(
            _superblock.DescriptorBlock(index / _superblock.DescriptorsPerBlock) * BlockSize
                + index % _superblock.DescriptorsPerBlock * (long)_superblock.DescriptorSizeBytes,
            bytes.AsSpan());
        return ExtGroup.TryParse(_superblock, index, bytes, out group);
    }

    private void ReadRawBlock(long block, Span<byte> bytes) => _volume.ReadExact(block * BlockSize, bytes);

    private void ReadBlocks(long block, Span<byte> bytes)
    {
        _volume.ReadExact(block * BlockSize, bytes);
        for (int at = 0; _journal is not null && at < bytes.Length; at += BlockSize)
            _journal.TryRead(block + at / BlockSize, bytes.Slice(at, BlockSize));
    }

    private static bool AddBits(Span<byte> bitmap, ReadOnlySpan<byte> more)
    {
        bool hasChanged = false;
        for (int i = 0; i < bitmap.Length; i++)
        {
            hasChanged |= (more[i] & ~bitmap[i]) != 0;
            bitmap[i] |= more[i];
        }
        return hasChanged;
    }

    /// <summary>Joins kept ranges that follow or overlap one another before the builder remembers them.</summary>
    private sealed class RangeJoiner(UsedRangeBuilder builder)
    {
        private long _start;
        private long _end;

        public void Add(long start, long end)
        {
            if (start < _start || start > _end)
            {
                Flush();
                _start = start;
                _end = end;
            }
            _end = Math.Max(_end, end);
        }

        public void Flush() => builder.Keep(_start, _end - _start);
    }
}
