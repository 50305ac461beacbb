using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>Walks a B-tree in the order of its keys (btrfs documentation, "On-disk Format", Node and Leaf Node).</summary>
internal sealed class BtrfsTree(IBlockReader volume, BtrfsSuperblock superblock, BtrfsChunkMap chunks, CancellationToken cancellation)
{
    private const int HeaderLengthBytes = 101;
    private const int PointerLengthBytes = 33;
    private const int ItemLengthBytes = 25;
    private const int MaxLevel = 7;

    private readonly BtrfsNodeReader _nodes = new(volume, superblock, chunks);
    private BtrfsKey? _last;
    private long _visitsLeft;
    private ItemVisitor _visitor = null!;
    private Action<long>? _nodeVisitor;

    /// <summary>Called for each item, in order. The bytes are valid during the call only.</summary>
    public delegate void ItemVisitor(BtrfsKey key, ReadOnlySpan<byte> item);

    /// <summary>Visits every item below a root.</summary>
    /// <param name="root">The root node's address.</param>
    /// <param name="level">Its level; 0 = a leaf.</param>
    /// <param name="generation">The transaction it must have been written in; null = not known.</param>
    /// <param name="visitor">Takes the items.</param>
    /// <param name="nodeVisitor">Takes the address of every node, if given.</param>
    /// <exception cref="FileSystemFormatException">A node is damaged or not part of the tree.</exception>
    public void Walk(long root, int level, ulong? generation, ItemVisitor visitor, Action<long>? nodeVisitor = null)
    {
        if (level > MaxLevel)
            throw new FileSystemFormatException($"btrfs: a tree of level {level}");
        _last = null;
        _visitor = visitor;
        _nodeVisitor = nodeVisitor;
        _visitsLeft = superblock.DeviceLengthBytes / superblock.NodeSizeBytes;
        Visit(root, level, generation, isRoot: true);
    }

    private void Visit(long address, int level, ulong? generation, bool isRoot)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_visitsLeft-- <= 0)
            throw new FileSystemFormatException("btrfs: a tree has more nodes than the device has room for");
        byte[] node = _nodes.Read(address, level, generation);
        _nodeVisitor?.Invoke(address);
        uint count = LittleEndian.UInt32(node, 0x60);
        int entryLength = level == 0 ? ItemLengthBytes : PointerLengthBytes;
        if (count > (node.Length - HeaderLengthBytes) / entryLength || count == 0 && !(isRoot && level == 0))
            throw new FileSystemFormatException($"btrfs: the node at {address} holds {count} entries");
        for (int i = 0; i < count; i++)
        {
            int at = HeaderLengthBytes + i * entryLength;
            BtrfsKey key = BtrfsKey.Read(node, at);
            if (level == 0)
            {
                if (_last is { } last && key.CompareTo(last) <= 0)
                    throw new FileSystemFormatException($"btrfs: the items of the node at {address} are out of order");
                _last = key;
                uint offset = LittleEndian.UInt32(node, at + 17);
                uint length = LittleEndian.UInt32(node, at + 21);
                if (offset > node.Length || length > node.Length)
                    throw new FileSystemFormatException($"btrfs: an item of the node at {address} lies outside it");
                _visitor(key, StructureBounds.Field(node, HeaderLengthBytes + (int)offset, (int)length));
            }
            else
            {
                // A pointer's key is its first item's, which must not have been passed.
                if (_last is { } last && key.CompareTo(last) <= 0)
                    throw new FileSystemFormatException($"btrfs: the pointers of the node at {address} are out of order");
                Visit(LittleEndian.Int63(node, at + 17), level - 1, LittleEndian.UInt64(node, at + 25), isRoot: false);
            }
        }
    }
}
