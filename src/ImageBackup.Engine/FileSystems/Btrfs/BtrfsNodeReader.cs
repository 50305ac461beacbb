using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>Reads nodes of trees: the second copy is asked if the first one is not what it should be.</summary>
internal sealed class BtrfsNodeReader(IBlockReader volume, BtrfsSuperblock superblock, BtrfsChunkMap chunks)
{
    /// <param name="address">Of the node.</param>
    /// <param name="level">0 = a leaf.</param>
    /// <param name="generation">The transaction it must have been written in; null = not known.</param>
    /// <exception cref="FileSystemFormatException">No copy is that node.</exception>
    public byte[] Read(long address, int level, ulong? generation)
    {
        BtrfsChunkMap.Chunk chunk = chunks.Find(address, superblock.NodeSizeBytes);
        long inside = address - chunk.StartBytes;
        byte[] node = volume.ReadExact(chunk.OffsetBytes + inside, superblock.NodeSizeBytes);
        if (IsNode(node, address, level, generation))
            return node;
        if (chunk.SecondOffsetBytes >= 0)
        {
            node = volume.ReadExact(chunk.SecondOffsetBytes + inside, superblock.NodeSizeBytes);
            if (IsNode(node, address, level, generation))
                return node;
        }
        throw new FileSystemFormatException($"btrfs: the tree node at {address} is damaged");
    }

    private bool IsNode(byte[] node, long address, int level, ulong? generation) =>
        LittleEndian.UInt64(node, 0x30) == (ulong)address
        && node[0x64] == level
        && (generation is null || LittleEndian.UInt64(node, 0x50) == generation)
        && (!superblock.VerifiesChecksums
            || node.AsSpan(0x20, 16).SequenceEqual(superblock.TreeUuid) && BtrfsChecksum.Matches(superblock.ChecksumType, node));
}
