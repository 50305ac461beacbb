using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>A name, its inode, and what the directory says of its kind (0: nothing).</summary>
internal readonly record struct XfsName(string Name, long Inode, byte Type);

/// <summary>
/// Lists directories in all forms ("XFS Algorithms &amp; Data Structures", Directories): in the inode, in one block, or in data blocks.
/// The hashes beside the data blocks are not needed for this.
/// </summary>
internal static class XfsDirectory
{
    private const uint BlockMagic = 0x58443242; // XD2B
    private const uint BlockMagic3 = 0x58444233; // XDB3
    private const uint DataMagic = 0x58443244; // XD2D
    private const uint DataMagic3 = 0x58444433; // XDD3
    private const int HeaderBytes = 16;
    private const int HeaderBytes3 = 64;
    private const int CrcOffset = 4;
    private const ushort UnusedTag = 0xFFFF;

    /// <summary>Data blocks lie below; then come hashes.</summary>
    private const long MaxDataBytes = 32L << 30;

    /// <exception cref="FileSystemFormatException">Damaged: what came before is good.</exception>
    public static IEnumerable<XfsName> List(XfsVolume xfs, XfsInode directory, CancellationToken cancellation)
    {
        XfsFork fork = directory.Data;
        if (fork.Format == XfsForkFormat.Local)
        {
            foreach (XfsName name in ReadShort(fork.Bytes.Span, xfs.Superblock.HasFileTypes))
                yield return name;
            yield break;
        }
        int blockBytes = xfs.DirectoryBlockBytes;
        using ExtentFileData data = xfs.OpenStructures(fork, Math.Min(MaxDataBytes, directory.SizeBytes / blockBytes * blockBytes));
        var block = new byte[blockBytes];
        for (long offset = 0; data.NextData(offset) is { } range;)
        {
            for (offset = range.OffsetBytes / blockBytes * blockBytes; offset < range.EndBytes; offset += blockBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                data.ReadAt(offset, block);
                foreach (XfsName name in ReadBlock(xfs, block, offset))
                    yield return name;
            }
        }
    }

    /// <summary>One entry of a data block by its place in the directory: the bytes of the name, and what it stands for.</summary>
    /// <exception cref="FileSystemFormatException">No entry lies there.</exception>
    public static (ReadOnlyMemory<byte> Bytes, XfsName Name) ReadEntry(XfsVolume xfs, XfsInode directory, ExtentFileData data, long offsetBytes)
    {
        int blockBytes = xfs.DirectoryBlockBytes;
        if (offsetBytes >= Math.Min(MaxDataBytes, directory.SizeBytes))
            throw new FileSystemFormatException("xfs: a directory's hash leads out of its data");
        var block = new byte[blockBytes];
        long start = offsetBytes / blockBytes * blockBytes;
        data.ReadAt(start, block);
        if (BigEndian.UInt32(block, 0) != (xfs.Superblock.HasChecksums ? DataMagic3 : DataMagic) || xfs.VerifiesChecksums && !XfsChecksum.Matches(block, CrcOffset))
            throw new FileSystemFormatException($"xfs: a directory's block at {start} is damaged");
        int at = (int)(offsetBytes - start);
        if (at < (xfs.Superblock.HasChecksums ? HeaderBytes3 : HeaderBytes) || BigEndian.UInt16(block, at) == UnusedTag)
            throw new FileSystemFormatException("xfs: a directory's hash leads to no entry");
        int length = BigEndian.UInt8(block, at + 8);
        _ = StructureBounds.Field(block, at + 9, length);
        byte type = xfs.Superblock.HasFileTypes ? BigEndian.UInt8(block, at + 9 + length) : (byte)0;
        ReadOnlyMemory<byte> name = block.AsMemory(at + 9, length);
        return (name, new XfsName(UnixFileName.Decode(name.Span), BigEndian.Int63(block, at), type));
    }

    private static List<XfsName> ReadShort(ReadOnlySpan<byte> bytes, bool hasTypes)
    {
        var names = new List<XfsName>();
        int count = BigEndian.UInt8(bytes, 0);
        int inodeBytes = BigEndian.UInt8(bytes, 1) > 0 ? 8 : 4;
        int at = 2 + inodeBytes;
        for (int i = 0; i < count; i++)
        {
            int length = BigEndian.UInt8(bytes, at);
            string name = UnixFileName.Decode(StructureBounds.Field(bytes, at + 3, length));
            at += 3 + length;
            byte type = hasTypes ? BigEndian.UInt8(bytes, at++) : (byte)0;
            names.Add(new XfsName(name, inodeBytes == 8 ? BigEndian.Int63(bytes, at) : BigEndian.UInt32(bytes, at), type));
            at += inodeBytes;
        }
        return names;
    }

    private static List<XfsName> ReadBlock(XfsVolume xfs, byte[] block, long offset)
    {
        uint magic = BigEndian.UInt32(block, 0);
        bool isSingle = magic == (xfs.Superblock.HasChecksums ? BlockMagic3 : BlockMagic);
        if (!isSingle && magic != (xfs.Superblock.HasChecksums ? DataMagic3 : DataMagic) || xfs.VerifiesChecksums && !XfsChecksum.Matches(block, CrcOffset))
            throw new FileSystemFormatException($"xfs: a directory's block at {offset} is damaged");
        int end = block.Length;
        if (isSingle)
        {
            // The hashes are at the end, and their count behind them.
            uint count = BigEndian.UInt32(block, block.Length - 8);
            if (count > (uint)(block.Length - 8) / 8)
                throw new FileSystemFormatException("xfs: a directory's block has too many hashes");
            end = block.Length - 8 - (int)count * 8;
        }
        ReadOnlySpan<byte> bytes = block.AsSpan(0, end);
        var names = new List<XfsName>();
        for (int at = xfs.Superblock.HasChecksums ? HeaderBytes3 : HeaderBytes; at < end;)
        {
            if (BigEndian.UInt16(bytes, at) == UnusedTag)
            {
                int unused = BigEndian.UInt16(bytes, at + 2);
                if (unused < 8 || unused % 8 != 0)
                    throw new FileSystemFormatException("xfs: a directory's block has a bad gap");
                at += unused;
                continue;
            }
            long inode = BigEndian.Int63(bytes, at);
            int length = BigEndian.UInt8(bytes, at + 8);
            ReadOnlySpan<byte> name = StructureBounds.Field(bytes, at + 9, length);
            byte type = xfs.Superblock.HasFileTypes ? BigEndian.UInt8(bytes, at + 9 + length) : (byte)0;
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(new XfsName(UnixFileName.Decode(name), inode, type));
            at += (8 + 1 + length + (xfs.Superblock.HasFileTypes ? 1 : 0) + 2 + 7) & ~7;
        }
        return names;
    }
}
