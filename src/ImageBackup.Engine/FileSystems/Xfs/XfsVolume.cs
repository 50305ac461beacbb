using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>Inodes by number, and where their forks lie. Any thread.</summary>
internal sealed class XfsVolume
{
    private const int MaxExtentCount = 1 << 22;
    private const int MaxLevel = 10;
    private const uint BlockMapMagic = 0x424D4150; // BMAP
    private const uint BlockMapMagic3 = 0x424D4133; // BMA3
    private const int BlockMapHeaderBytes = 24;
    private const int BlockMapHeaderBytes3 = 72;
    private const int BlockMapCrcOffset = 64;
    private const int RecordBytes = 16;
    private const int MaxFileBlockBits = 54;

    private readonly MetadataCache _structures;

    /// <param name="volume">Holds the content of files. Stays the caller's.</param>
    /// <param name="structures">The same with the log's changes over it, by which structures are read.</param>
    /// <param name="superblock">Its superblock.</param>
    /// <param name="hasStaleChecksums">The log's changes are in structures whose checksums they did not renew.</param>
    /// <exception cref="FileSystemFormatException">Inodes or directory blocks have impossible lengths.</exception>
    public XfsVolume(IBlockReader volume, MetadataCache structures, XfsSuperblock superblock, bool hasStaleChecksums = false)
    {
        Volume = volume;
        Superblock = superblock;
        _structures = structures;
        VerifiesChecksums = superblock.HasChecksums && superblock.VerifiesChecksums && !hasStaleChecksums;
        RequireForm(superblock);
    }

    public IBlockReader Volume { get; }
    public XfsSuperblock Superblock { get; }
    public int DirectoryBlockBytes => Superblock.BlockSizeBytes << Superblock.DirectoryBlockBits;
    public bool VerifiesChecksums { get; }

    /// <exception cref="FileSystemFormatException">Inodes or directory blocks have impossible lengths.</exception>
    public static void RequireForm(XfsSuperblock superblock)
    {
        if (superblock.InodeSizeBytes is < 256 or > 2048 || superblock.InodeSizeBytes << superblock.InodesPerBlockBits != superblock.BlockSizeBytes)
            throw new FileSystemFormatException($"xfs: inodes of {superblock.InodeSizeBytes} bytes");
        if (superblock.DirectoryBlockBits > 16 || (long)superblock.BlockSizeBytes << superblock.DirectoryBlockBits > 65536)
            throw new FileSystemFormatException("xfs: directory blocks are too large");
    }

    /// <exception cref="FileSystemFormatException">Damaged, not in use, or no such inode.</exception>
    public XfsInode ReadInode(long number)
    {
        long block = number >> Superblock.InodesPerBlockBits;
        long offset = BlockOffsetBytes(block, 1) + (number & ((1L << Superblock.InodesPerBlockBits) - 1)) * Superblock.InodeSizeBytes;
        return new XfsInode(_structures.ReadExact(offset, Superblock.InodeSizeBytes), number, VerifiesChecksums);
    }

    /// <summary>The written extents of a fork, sorted.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public List<FileExtent> ReadExtents(XfsFork fork)
    {
        var extents = new List<FileExtent>();
        long end = 0;
        ReadOnlySpan<byte> bytes = fork.Bytes.Span;
        switch (fork.Format)
        {
            case XfsForkFormat.Extents:
                if (fork.ExtentCount > (ulong)(bytes.Length / RecordBytes))
                    throw new FileSystemFormatException("xfs: an inode has more extents than fit it");
                AddRecords(extents, bytes.Slice(0, (int)fork.ExtentCount * RecordBytes), ref end);
                return extents;
            case XfsForkFormat.Btree:
                int level = BigEndian.UInt16(bytes, 0);
                int count = BigEndian.UInt16(bytes, 2);
                int capacity = (bytes.Length - 4) / RecordBytes;
                if (level is 0 or > MaxLevel || count == 0 || count > capacity)
                    throw new FileSystemFormatException("xfs: the root of an extent tree is damaged");
                for (int i = 0; i < count; i++)
                    AddTree(extents, BigEndian.Int63(bytes, 4 + (capacity + i) * 8), level - 1, ref end);
                return extents;
            default:
                throw new FileSystemFormatException("xfs: a fork has no extents");
        }
    }

    /// <summary>A fork's address space, read through the cache of structures.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public ExtentFileData OpenStructures(XfsFork fork, long lengthBytes) => new(_structures, lengthBytes, lengthBytes, ReadExtents(fork));

    // Each leaf goes on behind the one before, so none is met twice.
    private void AddTree(List<FileExtent> extents, long block, int level, ref long end)
    {
        byte[] bytes = _structures.ReadExact(BlockOffsetBytes(block, 1), Superblock.BlockSizeBytes);
        int header = Superblock.HasChecksums ? BlockMapHeaderBytes3 : BlockMapHeaderBytes;
        int count = BigEndian.UInt16(bytes, 6);
        int capacity = (bytes.Length - header) / RecordBytes;
        if (BigEndian.UInt32(bytes, 0) != (Superblock.HasChecksums ? BlockMapMagic3 : BlockMapMagic) || BigEndian.UInt16(bytes, 4) != level
            || count == 0 || count > capacity || VerifiesChecksums && !XfsChecksum.Matches(bytes, BlockMapCrcOffset))
        {
            throw new FileSystemFormatException($"xfs: the extent tree's block {block} is damaged");
        }
        if (level == 0)
        {
            AddRecords(extents, bytes.AsSpan(header, count * RecordBytes), ref end);
            return;
        }
        for (int i = 0; i < count; i++)
            AddTree(extents, BigEndian.Int63(bytes, header + (capacity + i) * 8), level - 1, ref end);
    }

    // 1 bit unwritten, 54 place in the file, 52 block, 21 count.
    private void AddRecords(List<FileExtent> extents, ReadOnlySpan<byte> records, ref long end)
    {
        for (; records.Length > 0; records = records.Slice(RecordBytes))
        {
            ulong high = BigEndian.UInt64(records, 0);
            ulong low = BigEndian.UInt64(records, 8);
            bool isWritten = high >> 63 == 0;
            long start = (long)(high >> 9 & ((1UL << MaxFileBlockBits) - 1));
            long block = (long)((high & 0x1FF) << 43 | low >> 21);
            long count = (long)(low & 0x1FFFFF);
            if (start < end || count == 0 || start > long.MaxValue / Superblock.BlockSizeBytes - count)
                throw new FileSystemFormatException("xfs: a file's extents are out of order");
            end = start + count;
            long offset = BlockOffsetBytes(block, count);
            if (!isWritten)
                continue;
            if (extents.Count >= MaxExtentCount)
                throw new FileSystemFormatException("xfs: a file has too many extents");
            extents.Add(new FileExtent(start * Superblock.BlockSizeBytes, count * Superblock.BlockSizeBytes, offset));
        }
    }

    private long BlockOffsetBytes(long block, long count)
    {
        long group = block >> Superblock.GroupBlockBits;
        long inside = block & ((1L << Superblock.GroupBlockBits) - 1);
        return block >= 0 && group < Superblock.GroupCount && inside <= Superblock.GroupLengthBlocks((int)group) - count
            ? Superblock.GroupOffsetBytes((int)group) + inside * Superblock.BlockSizeBytes
            : throw new FileSystemFormatException($"xfs: the block {block} does not lie in the file system");
    }
}
