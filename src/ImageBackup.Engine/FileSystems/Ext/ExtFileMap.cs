using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// Which blocks of the volume a file's blocks are: by extents or by indirect blocks (kernel documentation, ext4
/// "Contents of inode.i_block"). Used for the journal alone, which has no holes.
/// </summary>
internal sealed class ExtFileMap
{
    private const uint FlagExtents = 0x80000;
    private const ushort ExtentMagic = 0xF30A;
    private const int MaxExtentDepth = 5;
    private const int MaxRunCount = 1 << 20;

    private readonly IBlockReader _volume;
    private readonly ExtSuperblock _superblock;
    private readonly List<Run> _runs = [];

    private ExtFileMap(IBlockReader volume, ExtSuperblock superblock)
    {
        _volume = volume;
        _superblock = superblock;
    }

    private readonly record struct Run(long FileBlock, long VolumeBlock, long Count);

    /// <summary>Blocks that are mapped, from the file's first one on.</summary>
    public long BlockCount { get; private set; }

    /// <exception cref="FileSystemFormatException">The inode or its map is damaged.</exception>
    public static ExtFileMap Read(IBlockReader volume, ExtSuperblock superblock, uint inode)
    {
        var map = new ExtFileMap(volume, superblock);
        long index = inode - 1L;
        int group = (int)(index / superblock.InodesPerGroup);
        if (inode == 0 || group >= superblock.GroupCount)
            throw new FileSystemFormatException($"ext: there is no inode {inode}");
        byte[] descriptor = volume.ReadExact(
            superblock.DescriptorBlock(group / superblock.DescriptorsPerBlock) * superblock.BlockSizeBytes
                + group % superblock.DescriptorsPerBlock * (long)superblock.DescriptorSizeBytes,
            superblock.DescriptorSizeBytes);
        if (ExtGroup.TryParse(superblock, group, descriptor, out ExtGroup parsed) is { } reason)
            throw new FileSystemFormatException(reason);
        byte[] bytes = volume.ReadExact(
            parsed.InodeTable * superblock.BlockSizeBytes + index % superblock.InodesPerGroup * superblock.InodeSizeBytes,
            superblock.InodeSizeBytes);
        map.ReadRoot(bytes);
        return map;
    }

    /// <exception cref="FileSystemFormatException">The file has no such block.</exception>
    public long VolumeBlock(long fileBlock)
    {
        int low = 0;
        int high = _runs.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            Run run = _runs[middle];
            if (fileBlock < run.FileBlock)
                high = middle - 1;
            else if (fileBlock >= run.FileBlock + run.Count)
                low = middle + 1;
            else
                return run.VolumeBlock + (fileBlock - run.FileBlock);
        }
        throw new FileSystemFormatException($"ext: the journal has no block {fileBlock}");
    }

    private void ReadRoot(ReadOnlySpan<byte> inode)
    {
        long sizeBytes = StructureBounds.Signed(LittleEndian.UInt32(inode, 0x4) | (ulong)LittleEndian.UInt32(inode, 0x6C) << 32, 0x4);
        long blockCount = sizeBytes / _superblock.BlockSizeBytes;
        if (blockCount == 0 || blockCount > ExtJournal.MaxBlockCount)
            throw new FileSystemFormatException($"ext: a journal of {sizeBytes} bytes");
        if ((LittleEndian.UInt32(inode, 0x20) & FlagExtents) != 0)
            ReadExtents(inode.Slice(0x28, 60), MaxExtentDepth, blockCount);
        else
        {
            for (int i = 0; i < 15 && BlockCount < blockCount; i++)
                ReadIndirect(LittleEndian.UInt32(inode, 0x28 + 4 * i), Math.Max(0, i - 11), blockCount);
        }
        if (BlockCount < blockCount)
            throw new FileSystemFormatException("ext: the journal's file has holes");
    }

    private void ReadExtents(ReadOnlySpan<byte> node, int maxDepth, long blockCount)
    {
        int entryCount = LittleEndian.UInt16(node, 2);
        int depth = LittleEndian.UInt16(node, 6);
        if (LittleEndian.UInt16(node, 0) != ExtentMagic || depth > maxDepth || entryCount == 0 || entryCount > (node.Length - 12) / 12)
            throw new FileSystemFormatException("ext: the journal's extent tree is damaged");
        for (int i = 0; i < entryCount && BlockCount < blockCount; i++)
        {
            ReadOnlySpan<byte> entry = node.Slice(12 + 12 * i, 12);
            if (depth == 0)
            {
                int length = LittleEndian.UInt16(entry, 4);
                // Above 32,768 the extent is allocated but not written: a journal has none.
                if (LittleEndian.UInt32(entry, 0) != BlockCount || length is 0 or > 32768)
                    throw new FileSystemFormatException("ext: the journal's file has holes");
                Add(LittleEndian.UInt32(entry, 8) | (long)LittleEndian.UInt16(entry, 6) << 32, length);
            }
            else
            {
                if (LittleEndian.UInt32(entry, 0) != BlockCount)
                    throw new FileSystemFormatException("ext: the journal's extent tree is out of order");
                long child = LittleEndian.UInt32(entry, 4) | (long)LittleEndian.UInt16(entry, 8) << 32;
                ReadExtents(ReadBlock(child), depth - 1, blockCount);
            }
        }
    }

    private void ReadIndirect(long block, int level, long blockCount)
    {
        if (level == 0)
        {
            Add(block, 1);
            return;
        }
        byte[] entries = ReadBlock(block);
        for (int i = 0; i < entries.Length / 4 && BlockCount < blockCount; i++)
            ReadIndirect(LittleEndian.UInt32(entries, 4 * i), level - 1, blockCount);
    }

    private byte[] ReadBlock(long block)
    {
        Require(block, 1);
        return _volume.ReadExact(block * _superblock.BlockSizeBytes, _superblock.BlockSizeBytes);
    }

    private void Add(long volumeBlock, long count)
    {
        Require(volumeBlock, count);
        Run last = _runs.Count == 0 ? default : _runs[_runs.Count - 1];
        if (last.Count > 0 && last.VolumeBlock + last.Count == volumeBlock)
            _runs[_runs.Count - 1] = last with { Count = last.Count + count };
        else if (_runs.Count < MaxRunCount)
            _runs.Add(new Run(BlockCount, volumeBlock, count));
        else
            throw new FileSystemFormatException("ext: the journal lies in too many pieces");
        BlockCount += count;
    }

    private void Require(long block, long count)
    {
        if (block <= 0 || block > _superblock.BlockCount - count)
            throw new FileSystemFormatException($"ext: the journal's file names block {block}, which is not in the file system");
    }
}
