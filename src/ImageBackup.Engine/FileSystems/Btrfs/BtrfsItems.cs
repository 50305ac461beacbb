using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>The root of a tree. <see cref="DirectoryId"/>: the inode of a subvolume's own directory.</summary>
internal sealed record BtrfsRoot(ulong Id, long Address, int Level, ulong Generation, ulong DirectoryId);

/// <summary>An item of a leaf; its bytes are good for as long as one likes.</summary>
internal readonly record struct BtrfsItem(BtrfsKey Key, ReadOnlyMemory<byte> Bytes);

/// <summary>Finds items in trees by their keys, one or a range of them, and keeps the nodes that were read last. Any thread.</summary>
/// <remarks>
/// Each node's keys are in order, and lie between what its parent says of it and what it says of its next child: so no node is met twice,
/// and a tree costs no more than its nodes, whatever they point to.
/// </remarks>
internal sealed class BtrfsItems(BtrfsNodeReader nodes)
{
    private const int HeaderLengthBytes = 101;
    private const int PointerLengthBytes = 33;
    private const int ItemLengthBytes = 25;
    private const int MaxLevel = 7;
    private const int MaxCachedNodes = 512;

    private readonly object _lock = new();
    private readonly Dictionary<(long Address, int Level, ulong Generation), Node> _cache = [];
    private readonly Queue<(long, int, ulong)> _byAge = new();

    private sealed class Node(byte[] bytes, int level)
    {
        public byte[] Bytes => bytes;
        public int Level => level;
        public int Count { get; } = (int)LittleEndian.UInt32(bytes, 0x60);

        public int EntryOffset(int index) => HeaderLengthBytes + index * (level == 0 ? ItemLengthBytes : PointerLengthBytes);

        public BtrfsKey Key(int index) => BtrfsKey.Read(bytes, EntryOffset(index));

        /// <summary>The last entry whose key is not greater; -1 if all are.</summary>
        public int Floor(BtrfsKey key)
        {
            int low = -1;
            int high = Count - 1;
            while (low < high)
            {
                int middle = low + (high - low + 1) / 2;
                if (Key(middle).CompareTo(key) <= 0)
                    low = middle;
                else
                    high = middle - 1;
            }
            return low;
        }

        public BtrfsItem Item(int index)
        {
            int at = EntryOffset(index);
            return new BtrfsItem(Key(index), bytes.AsMemory(HeaderLengthBytes + (int)LittleEndian.UInt32(bytes, at + 17), (int)LittleEndian.UInt32(bytes, at + 21)));
        }
    }

    /// <summary>A place on the way through the tree, and the key that all of it must stay below.</summary>
    private readonly record struct Place(Node Node, int Index, BtrfsKey? End);

    /// <exception cref="FileSystemFormatException">The tree is damaged.</exception>
    public BtrfsItem? Find(BtrfsRoot root, BtrfsKey key) => Floor(root, key) is { } item && item.Key == key ? item : null;

    /// <summary>The item with the greatest key that is not greater than this one.</summary>
    /// <exception cref="FileSystemFormatException">The tree is damaged.</exception>
    public BtrfsItem? Floor(BtrfsRoot root, BtrfsKey key)
    {
        Node node = ReadRoot(root);
        BtrfsKey? end = null;
        while (true)
        {
            int index = node.Floor(key);
            if (index < 0)
                return null;
            if (node.Level == 0)
                return node.Item(index);
            end = index + 1 < node.Count ? node.Key(index + 1) : end;
            node = ReadChild(node, index, end);
        }
    }

    /// <summary>All items from one key to another, both included, in order.</summary>
    /// <exception cref="FileSystemFormatException">The tree is damaged: what came before is good.</exception>
    public IEnumerable<BtrfsItem> Range(BtrfsRoot root, BtrfsKey first, BtrfsKey last, CancellationToken cancellation)
    {
        var places = new Stack<Place>();
        Node top = ReadRoot(root);
        places.Push(new Place(top, Math.Max(0, top.Floor(first)), null));
        while (places.Count > 0)
        {
            (Node node, int index, BtrfsKey? end) = places.Pop();
            if (node.Level == 0)
            {
                for (; index < node.Count; index++)
                {
                    BtrfsItem item = node.Item(index);
                    if (item.Key.CompareTo(last) > 0)
                        yield break;
                    if (item.Key.CompareTo(first) >= 0)
                        yield return item;
                }
                continue;
            }
            if (index >= node.Count)
                continue;
            cancellation.ThrowIfCancellationRequested();
            if (node.Key(index).CompareTo(last) > 0)
                yield break;
            places.Push(new Place(node, index + 1, end));
            Node child = ReadChild(node, index, index + 1 < node.Count ? node.Key(index + 1) : end);
            places.Push(new Place(child, Math.Max(0, child.Floor(first)), index + 1 < node.Count ? node.Key(index + 1) : end));
        }
    }

    private Node ReadRoot(BtrfsRoot root)
    {
        if (root.Level > MaxLevel)
            throw new FileSystemFormatException($"btrfs: a tree of level {root.Level}");
        Node node = Read(root.Address, root.Level, root.Generation);
        return node.Count > 0 || node.Level == 0 ? node : throw new FileSystemFormatException("btrfs: a tree's root is empty");
    }

    private Node ReadChild(Node parent, int index, BtrfsKey? end)
    {
        int at = parent.EntryOffset(index);
        Node child = Read(LittleEndian.Int63(parent.Bytes, at + 17), parent.Level - 1, LittleEndian.UInt64(parent.Bytes, at + 25));
        if (child.Count == 0 || child.Key(0) != parent.Key(index) || end is { } limit && child.Key(child.Count - 1).CompareTo(limit) >= 0)
            throw new FileSystemFormatException("btrfs: a tree's node is not what its parent says of it");
        return child;
    }

    private Node Read(long address, int level, ulong generation)
    {
        var id = (address, level, generation);
        lock (_lock)
        {
            if (_cache.TryGetValue(id, out Node? cached))
                return cached;
        }
        byte[] bytes = nodes.Read(address, level, generation);
        RequireSound(bytes, level, address);
        var node = new Node(bytes, level);
        lock (_lock)
        {
            if (_cache.ContainsKey(id))
                return node;
            if (_byAge.Count >= MaxCachedNodes)
                _cache.Remove(_byAge.Dequeue());
            _byAge.Enqueue(id);
            _cache[id] = node;
        }
        return node;
    }

    private static void RequireSound(byte[] node, int level, long address)
    {
        uint count = LittleEndian.UInt32(node, 0x60);
        int entryLength = level == 0 ? ItemLengthBytes : PointerLengthBytes;
        if (count > (node.Length - HeaderLengthBytes) / entryLength)
            throw new FileSystemFormatException($"btrfs: the node at {address} holds {count} entries");
        BtrfsKey? last = null;
        for (int i = 0; i < count; i++)
        {
            int at = HeaderLengthBytes + i * entryLength;
            BtrfsKey key = BtrfsKey.Read(node, at);
            if (last is { } before && key.CompareTo(before) <= 0)
                throw new FileSystemFormatException($"btrfs: the entries of the node at {address} are out of order");
            last = key;
            if (level > 0)
                continue;
            uint offset = LittleEndian.UInt32(node, at + 17);
            uint length = LittleEndian.UInt32(node, at + 21);
            if (offset > node.Length - HeaderLengthBytes || length > node.Length - HeaderLengthBytes - offset)
                throw new FileSystemFormatException($"btrfs: an item of the node at {address} lies outside it");
        }
    }
}
