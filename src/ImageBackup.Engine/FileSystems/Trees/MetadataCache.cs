using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>
/// Keeps what was read of a volume's structures, in pages, at most <see cref="MaxPageCount"/> of them: one file record is read with its
/// neighbours, which are asked for next. For volumes that do not change; a file's content goes past it.
/// </summary>
/// <remarks>Any thread. The volume stays the caller's.</remarks>
internal sealed class MetadataCache(IBlockReader volume) : IBlockReader
{
    private const int PageBytes = 32 << 10;
    private const int MaxPageCount = 512;

    private readonly object _lock = new();
    private readonly Dictionary<long, LinkedListNode<Page>> _pages = [];
    private readonly LinkedList<Page> _byUse = new();

    private readonly record struct Page(long Number, byte[] Bytes);

    public long LengthBytes => volume.LengthBytes;
    public int SectorSizeBytes => volume.SectorSizeBytes;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        // What is longer than some pages would push out all that is of use.
        if (count > 4 * PageBytes)
            return volume.ReadAt(offsetBytes, buffer);
        for (int done = 0; done < count;)
        {
            long number = (offsetBytes + done) / PageBytes;
            int inside = (int)((offsetBytes + done) % PageBytes);
            int length = Math.Min(count - done, PageBytes - inside);
            if (FindPage(number) is { } bytes)
            {
                length = Math.Min(length, bytes.Length - inside);
                if (length <= 0)
                    return done;
                bytes.AsSpan(inside, length).CopyTo(buffer.Slice(done));
            }
            else if (volume.ReadAt(offsetBytes + done, buffer.Slice(done, length)) != length)
            {
                return done;
            }
            done += length;
        }
        return count;
    }

    public void Dispose()
    {
    }

    // Null: a part of the page cannot be read. The part that is asked for may still be.
    private byte[]? FindPage(long number)
    {
        lock (_lock)
        {
            if (_pages.TryGetValue(number, out LinkedListNode<Page>? node))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return node.Value.Bytes;
            }
        }
        var bytes = new byte[(int)Math.Min(PageBytes, LengthBytes - number * PageBytes)];
        try
        {
            if (volume.ReadAt(number * PageBytes, bytes) != bytes.Length)
                return null;
        }
        catch (BlockReadException e) when (!e.IsGone)
        {
            return null;
        }
        lock (_lock)
        {
            if (_pages.ContainsKey(number))
                return bytes;
            if (_pages.Count >= MaxPageCount && _byUse.Last is { } oldest)
            {
                _pages.Remove(oldest.Value.Number);
                _byUse.RemoveLast();
            }
            _pages[number] = _byUse.AddFirst(new Page(number, bytes));
        }
        return bytes;
    }
}
