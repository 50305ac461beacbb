using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>Blocks and inodes of a volume by their numbers. Any thread.</summary>
internal sealed class ExtVolume
{
    private const int KeptInodeBytes = 4 << 20;

    private readonly IBlockReader _volume;
    private readonly long[] _inodeTables;
    private readonly KeptBlock?[] _kept;

    /// <param name="volume">With the journal's changes over it.</param>
    /// <param name="superblock">Its superblock.</param>
    public ExtVolume(IBlockReader volume, ExtSuperblock superblock)
    {
        _volume = volume;
        Superblock = superblock;
        _inodeTables = new long[superblock.GroupCount];
        _kept = new KeptBlock[Math.Max(16, KeptInodeBytes / superblock.BlockSizeBytes)];
    }

    private sealed record KeptBlock(long Block, byte[] Bytes);

    public ExtSuperblock Superblock { get; }
    public int BlockSizeBytes => Superblock.BlockSizeBytes;

    /// <exception cref="FileSystemFormatException">There is no such inode, or its group's descriptor is damaged.</exception>
    public ExtInode Inode(ulong number)
    {
        if (number == 0 || number > (ulong)Superblock.GroupCount * Superblock.InodesPerGroup)
            throw new FileSystemFormatException($"ext: there is no inode {number}");
        long index = (long)number - 1;
        long offset = index % Superblock.InodesPerGroup * Superblock.InodeSizeBytes;
        byte[] block = InodeBlock(InodeTable((int)(index / Superblock.InodesPerGroup)) + offset / BlockSizeBytes);
        return new ExtInode((uint)number, block.AsMemory((int)(offset % BlockSizeBytes), Superblock.InodeSizeBytes), Superblock.HasLargeDirectories);
    }

    /// <exception cref="FileSystemFormatException">The block is not in the file system.</exception>
    public byte[] Block(long block)
    {
        Require(block, 1);
        return _volume.ReadExact(block * BlockSizeBytes, BlockSizeBytes);
    }

    /// <exception cref="FileSystemFormatException">They are not in the file system.</exception>
    public void Read(long block, int insideBytes, Span<byte> buffer)
    {
        Require(block, (insideBytes + (long)buffer.Length + BlockSizeBytes - 1) / BlockSizeBytes);
        _volume.ReadExact(block * BlockSizeBytes + insideBytes, buffer);
    }

    /// <exception cref="FileSystemFormatException">They are not.</exception>
    public void Require(long block, long count)
    {
        if (block <= 0 || block > Superblock.BlockCount - count)
            throw new FileSystemFormatException($"ext: block {block} is not in the file system");
    }

    /// <summary>Whether the journal holds one of these blocks anew: then it does not lie on the volume as it is read.</summary>
    /// <exception cref="FileSystemFormatException">They are not in the file system.</exception>
    public bool IsReplayed(long block, long count)
    {
        Require(block, count);
        return _volume is ExtReplayedVolume replayed && replayed.Replaces(block, count);
    }

    private long InodeTable(int group)
    {
        long known = Interlocked.Read(ref _inodeTables[group]);
        if (known != 0)
            return known;
        byte[] descriptor = _volume.ReadExact(
            Superblock.DescriptorBlock(group / Superblock.DescriptorsPerBlock) * BlockSizeBytes + group % Superblock.DescriptorsPerBlock * (long)Superblock.DescriptorSizeBytes,
            Superblock.DescriptorSizeBytes);
        if (ExtGroup.TryParse(Superblock, group, descriptor, out ExtGroup parsed) is { } reason)
            throw new FileSystemFormatException(reason);
        Interlocked.Exchange(ref _inodeTables[group], parsed.InodeTable);
        return parsed.InodeTable;
    }

    // The names of a directory mostly have their inodes side by side.
    private byte[] InodeBlock(long block)
    {
        ref KeptBlock? slot = ref _kept[block % _kept.Length];
        if (Volatile.Read(ref slot) is { } kept && kept.Block == block)
            return kept.Bytes;
        byte[] bytes = Block(block);
        Volatile.Write(ref slot, new KeptBlock(block, bytes));
        return bytes;
    }
}
