using System;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>Some blocks of a file that lie side by side on the volume, or are allocated there and were never written.</summary>
internal readonly record struct ExtRun(long FileBlock, long VolumeBlock, long Count, bool IsUnwritten)
{
    public long End => FileBlock + Count;
}

/// <summary>
/// Which blocks of the volume a file's blocks are, with its holes: by extents or by indirect blocks (kernel documentation, ext4
/// "Contents of inode.i_block"). Any thread; remembers the last node of each level.
/// </summary>
internal abstract class ExtBlockMap(ExtVolume volume)
{
    private const int MaxLevels = 6;

    /// <summary>Nodes that lead to nothing, one after the other: a sound map has next to none.</summary>
    protected const int MaxEmptyNodes = 4096;

    private readonly Node?[] _last = new Node?[MaxLevels];

    private sealed record Node(long Block, byte[] Bytes);

    protected ExtVolume Volume { get; } = volume;

    public static ExtBlockMap Of(ExtVolume volume, ExtInode inode) =>
        inode.HasExtents ? new Extents(volume, inode.Map.ToArray()) : new Indirect(volume, inode.Map.ToArray());

    /// <summary>The most blocks that the map can tell of.</summary>
    public abstract long MaxBlockCount { get; }

    /// <summary>The run that holds the block, cut to begin there, or the next one behind it; null if only a hole follows.</summary>
    /// <exception cref="FileSystemFormatException">The map is damaged there.</exception>
    public abstract ExtRun? Find(long fileBlock);

    protected byte[] Load(long block, int level)
    {
        if (Volatile.Read(ref _last[level]) is { } last && last.Block == block)
            return last.Bytes;
        byte[] bytes = Volume.Block(block);
        Volatile.Write(ref _last[level], new Node(block, bytes));
        return bytes;
    }

    private sealed class Extents(ExtVolume volume, byte[] root) : ExtBlockMap(volume)
    {
        private const ushort Magic = 0xF30A;
        private const int MaxDepth = 5;
        private const int WrittenLimit = 32768;

        public override long MaxBlockCount => 1L << 32;

        public override ExtRun? Find(long fileBlock)
        {
            for (int tries = 0; tries < MaxEmptyNodes; tries++)
            {
                if (fileBlock >= MaxBlockCount)
                    return null;
                long next = MaxBlockCount;
                if (FindBelow(fileBlock, ref next) is { } run)
                    return run;
                // The rest of that leaf holds nothing: on to what the indexes say comes behind it.
                fileBlock = next;
            }
            throw new FileSystemFormatException("ext: a file's extent tree has too many empty leaves");
        }

        private ExtRun? FindBelow(long fileBlock, ref long next)
        {
            byte[] node = root;
            int depth = Header(node, MaxDepth, out int count);
            while (depth > 0)
            {
                int index = LastNotAfter(node, count, fileBlock);
                if (index + 1 < count && First(node, index + 1) is var following && following > fileBlock)
                    next = Math.Min(next, following);
                if (index < 0)
                    return null;
                ReadOnlySpan<byte> entry = Entry(node, index);
                node = Load(LittleEndian.UInt32(entry, 4) | (long)LittleEndian.UInt16(entry, 8) << 32, depth);
                int below = Header(node, depth - 1, out count);
                if (below != depth - 1)
                    throw new FileSystemFormatException("ext: a file's extent tree has a node of the wrong depth");
                depth = below;
            }
            // The one before may reach over the block.
            for (int i = Math.Max(0, LastNotAfter(node, count, fileBlock)); i < count; i++)
            {
                ReadOnlySpan<byte> entry = Entry(node, i);
                long first = LittleEndian.UInt32(entry, 0);
                int length = LittleEndian.UInt16(entry, 4);
                bool isUnwritten = length > WrittenLimit;
                length = isUnwritten ? length - WrittenLimit : length;
                if (first + length <= fileBlock)
                    continue;
                long at = LittleEndian.UInt32(entry, 8) | (long)LittleEndian.UInt16(entry, 6) << 32;
                Volume.Require(at, length);
                long skipped = Math.Max(0, fileBlock - first);
                return new ExtRun(first + skipped, at + skipped, length - skipped, isUnwritten);
            }
            return null;
        }

        private static int Header(byte[] node, int maxDepth, out int count)
        {
            count = LittleEndian.UInt16(node, 2);
            int depth = LittleEndian.UInt16(node, 6);
            if (LittleEndian.UInt16(node, 0) != Magic || depth > maxDepth || count > (node.Length - 12) / 12)
                throw new FileSystemFormatException("ext: a file's extent tree is damaged");
            return depth;
        }

        private static int LastNotAfter(byte[] node, int count, long fileBlock)
        {
            int low = 0, high = count - 1;
            while (low <= high)
            {
                int middle = (low + high) / 2;
                if (First(node, middle) <= fileBlock)
                    low = middle + 1;
                else
                    high = middle - 1;
            }
            return high;
        }

        private static ReadOnlySpan<byte> Entry(byte[] node, int index) => node.AsSpan(12 + 12 * index, 12);

        private static long First(byte[] node, int index) => LittleEndian.UInt32(node, 12 + 12 * index);
    }

    private sealed class Indirect(ExtVolume volume, byte[] root) : ExtBlockMap(volume)
    {
        private const int DirectCount = 12;

        private readonly int _perBlock = volume.BlockSizeBytes / 4;

        public override long MaxBlockCount => DirectCount + (long)_perBlock + (long)_perBlock * _perBlock + (long)_perBlock * _perBlock * _perBlock;

        public override ExtRun? Find(long fileBlock)
        {
            int emptyCount = 0;
            if (fileBlock < DirectCount && FindIn(root.AsSpan(0, DirectCount * 4), fileBlock, 0) is { } direct)
                return direct;
            long first = DirectCount, span = _perBlock;
            for (int level = 1; level <= 3; level++)
            {
                if (fileBlock < first + span && FindBelow(LittleEndian.UInt32(root, (DirectCount + level - 1) * 4), level, first, Math.Max(fileBlock, first), ref emptyCount) is { } run)
                    return run;
                first += span;
                span *= _perBlock;
            }
            return null;
        }

        /// <summary>In the block of pointers at a level, which begins at the file's block <paramref name="first"/>.</summary>
        private ExtRun? FindBelow(uint block, int level, long first, long fileBlock, ref int emptyCount)
        {
            if (block == 0)
                return null;
            byte[] pointers = Load(block, level);
            if (level == 1)
                return FindIn(pointers, fileBlock - first, first) ?? Empty(ref emptyCount);
            long span = 1;
            for (int i = 1; i < level; i++)
                span *= _perBlock;
            for (int i = (int)((fileBlock - first) / span); i < _perBlock; i++)
            {
                long start = first + i * span;
                if (FindBelow(LittleEndian.UInt32(pointers, 4 * i), level - 1, start, Math.Max(fileBlock, start), ref emptyCount) is { } run)
                    return run;
            }
            return Empty(ref emptyCount);
        }

        private static ExtRun? Empty(ref int emptyCount) => ++emptyCount <= MaxEmptyNodes
            ? null
            : throw new FileSystemFormatException("ext: a file's indirect blocks hold too little");

        private ExtRun? FindIn(ReadOnlySpan<byte> pointers, long index, long first)
        {
            for (int i = (int)index; i < pointers.Length / 4; i++)
            {
                uint block = LittleEndian.UInt32(pointers, 4 * i);
                if (block == 0)
                    continue;
                int count = 1;
                while (i + count < pointers.Length / 4 && LittleEndian.UInt32(pointers, 4 * (i + count)) == block + count)
                    count++;
                Volume.Require(block, count);
                return new ExtRun(first + i, block, count, IsUnwritten: false);
            }
            return null;
        }
    }
}
