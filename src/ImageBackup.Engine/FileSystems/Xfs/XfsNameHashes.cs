using System;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// Finds a name in a large directory by the hashes beside its data blocks ("XFS Algorithms &amp; Data Structures", Leaf and Node Directories): from the
/// root of their tree down to a leaf, and on to the next leaf as long as the hash is the same.
/// </summary>
internal static class XfsNameHashes
{
    private const long LeafOffsetBytes = 32L << 30;
    private const ushort SingleLeafMagic = 0xD2F1, LeafMagic = 0xD2FF, NodeMagic = 0xFEBE;
    private const ushort SingleLeafMagic3 = 0x3DF1, LeafMagic3 = 0x3DFF, NodeMagic3 = 0x3EBE;
    private const int LinkBytes = 12, LinkBytes3 = 56;
    private const int CrcOffset = 12;
    private const int EntryBytes = 8;
    private const int AddressUnitBytes = 8;

    /// <summary>The driver's own (XFS_DA_NODE_MAXDEPTH).</summary>
    private const int MaxDepth = 5;

    /// <summary>Leaves whose names all have one hash: more than a name has collisions.</summary>
    private const int MaxSiblings = 64;

    /// <summary>Whether the directory has such hashes: its data is more than one block.</summary>
    public static bool Has(XfsVolume xfs, XfsInode directory) =>
        directory.Data.Format is XfsForkFormat.Extents or XfsForkFormat.Btree && directory.SizeBytes > xfs.DirectoryBlockBytes;

    /// <summary>The entry of a name; null if the hashes have none.</summary>
    /// <param name="xfs">The volume.</param>
    /// <param name="directory">One that <see cref="Has"/> them.</param>
    /// <param name="name">Its bytes.</param>
    /// <exception cref="FileSystemFormatException">The hashes are damaged, or do not fit the data.</exception>
    public static XfsName? Find(XfsVolume xfs, XfsInode directory, ReadOnlySpan<byte> name)
    {
        uint hash = Hash(name);
        using ExtentFileData space = xfs.OpenStructures(directory.Data, long.MaxValue);
        byte[] block = ReadBlock(xfs, space, LeafOffsetBytes / xfs.Superblock.BlockSizeBytes);
        for (int depth = 0; IsNode(xfs, block); depth++)
        {
            if (depth == MaxDepth)
                throw new FileSystemFormatException("xfs: a directory's tree of hashes is too deep");
            int child = FirstFrom(Entries(xfs, block), hash);
            if (child < 0)
                return null;
            block = ReadBlock(xfs, space, BigEndian.UInt32(Entries(xfs, block), child * EntryBytes + 4));
        }
        for (int leaf = 0; leaf < MaxSiblings; leaf++)
        {
            ReadOnlySpan<byte> entries = Entries(xfs, block);
            int at = FirstFrom(entries, hash);
            if (at < 0)
                return null;
            for (; at < entries.Length / EntryBytes; at++)
            {
                if (BigEndian.UInt32(entries, at * EntryBytes) != hash)
                    return null;
                uint address = BigEndian.UInt32(entries, at * EntryBytes + 4);
                // 0: the name was removed.
                if (address != 0 && XfsDirectory.ReadEntry(xfs, directory, space, (long)address * AddressUnitBytes) is var (bytes, found) && name.SequenceEqual(bytes.Span))
                    return found;
            }
            uint next = BigEndian.UInt32(block, 0);
            if (next == 0)
                return null;
            block = ReadBlock(xfs, space, next);
            if (IsNode(xfs, block))
                throw new FileSystemFormatException("xfs: a directory's leaf is followed by a node");
        }
        throw new FileSystemFormatException("xfs: a directory has too many names of one hash");
    }

    private static bool IsNode(XfsVolume xfs, byte[] block) => Magic(block) == (xfs.Superblock.HasChecksums ? NodeMagic3 : NodeMagic);

    private static ushort Magic(byte[] block) => BigEndian.UInt16(block, 8);

    private static byte[] ReadBlock(XfsVolume xfs, ExtentFileData space, long fileBlock)
    {
        var block = new byte[xfs.DirectoryBlockBytes];
        long offset = fileBlock * xfs.Superblock.BlockSizeBytes;
        if (offset < LeafOffsetBytes || space.ReadAt(offset, block) != block.Length)
            throw new FileSystemFormatException("xfs: a directory's hashes lie outside of their place");
        ushort magic = Magic(block);
        bool isKnown = xfs.Superblock.HasChecksums ? magic is SingleLeafMagic3 or LeafMagic3 or NodeMagic3 : magic is SingleLeafMagic or LeafMagic or NodeMagic;
        if (!isKnown || xfs.VerifiesChecksums && !XfsChecksum.Matches(block, CrcOffset))
            throw new FileSystemFormatException($"xfs: a directory's hashes at {offset} are damaged");
        return block;
    }

    private static ReadOnlySpan<byte> Entries(XfsVolume xfs, byte[] block)
    {
        int link = xfs.Superblock.HasChecksums ? LinkBytes3 : LinkBytes;
        int count = BigEndian.UInt16(block, link);
        // Version 5 has four more bytes.
        return StructureBounds.Field(block, link + (xfs.Superblock.HasChecksums ? 8 : 4), count * EntryBytes);
    }

    /// <summary>The first entry whose hash is not less; -1 if all are.</summary>
    private static int FirstFrom(ReadOnlySpan<byte> entries, uint hash)
    {
        int low = 0, high = entries.Length / EntryBytes;
        while (low < high)
        {
            int middle = low + ((high - low) >> 1);
            if (BigEndian.UInt32(entries, middle * EntryBytes) >= hash)
                high = middle;
            else
                low = middle + 1;
        }
        return low < entries.Length / EntryBytes ? low : -1;
    }

    /// <summary>The hash of a name (xfs_da_hashname).</summary>
    internal static uint Hash(ReadOnlySpan<byte> name)
    {
        uint hash = 0;
        for (; name.Length >= 4; name = name.Slice(4))
            hash = (uint)name[0] << 21 ^ (uint)name[1] << 14 ^ (uint)name[2] << 7 ^ name[3] ^ Rotate(hash, 28);
        return name.Length switch
        {
            3 => (uint)name[0] << 14 ^ (uint)name[1] << 7 ^ name[2] ^ Rotate(hash, 21),
            2 => (uint)name[0] << 7 ^ name[1] ^ Rotate(hash, 14),
            1 => name[0] ^ Rotate(hash, 7),
            _ => hash,
        };
    }

    private static uint Rotate(uint value, int bits) => value << bits | value >> (32 - bits);
}
