using System;
using System.Collections.Generic;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The target of a long link, or the value of a long attribute: in blocks of its own, which have a header of 56 bytes if the file system
/// has checksums.
/// </summary>
internal static class XfsRemote
{
    private const int HeaderBytes = 56;
    private const int CrcOffset = 12;

    /// <summary>Longer ones are not written for the 1,024 bytes of a link.</summary>
    private const int MaxLinkExtentBytes = 256 << 10;

    /// <summary>Fills the target with the value of an attribute: each block has a header.</summary>
    /// <param name="xfs">The volume.</param>
    /// <param name="data">The fork's address space.</param>
    /// <param name="firstBlock">Where it begins there.</param>
    /// <param name="magic">What each block begins with, if it has a header.</param>
    /// <param name="target">What is to be filled.</param>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static void ReadBlocks(XfsVolume xfs, ExtentFileData data, uint firstBlock, uint magic, Span<byte> target)
    {
        var block = new byte[xfs.Superblock.BlockSizeBytes];
        long number = firstBlock;
        for (int done = 0; done < target.Length; number++)
        {
            if (data.ReadAt(number * block.Length, block) != block.Length)
                throw new FileSystemFormatException("xfs: a value lies outside its fork");
            done += Take(xfs, block, magic, target, done);
        }
    }

    /// <summary>Fills the target with that of a link: each extent has a header.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static void ReadExtents(XfsVolume xfs, ExtentFileData data, IEnumerable<FileExtent> extents, uint magic, Span<byte> target)
    {
        int done = 0;
        foreach (FileExtent extent in extents)
        {
            if (done == target.Length)
                return;
            if (extent.LengthBytes > MaxLinkExtentBytes)
                throw new FileSystemFormatException("xfs: a link is too long");
            var bytes = new byte[(int)extent.LengthBytes];
            data.ReadAt(extent.FileOffsetBytes, bytes);
            done += Take(xfs, bytes, magic, target, done);
        }
        if (done < target.Length)
            throw new FileSystemFormatException("xfs: a link is longer than its blocks");
    }

    private static int Take(XfsVolume xfs, byte[] unit, uint magic, Span<byte> target, int done)
    {
        int header = xfs.Superblock.HasChecksums ? HeaderBytes : 0;
        int length = Math.Min(target.Length - done, unit.Length - header);
        if (header > 0 && (BigEndian.UInt32(unit, 0) != magic || BigEndian.UInt32(unit, 4) != (uint)done || BigEndian.UInt32(unit, 8) != (uint)length
            || xfs.VerifiesChecksums && !XfsChecksum.Matches(unit, CrcOffset)))
        {
            throw new FileSystemFormatException("xfs: a block of a link or an attribute is damaged");
        }
        unit.AsSpan(header, length).CopyTo(target.Slice(done));
        return length;
    }
}
