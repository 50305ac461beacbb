using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>
/// Tells whether two files have the same content: by the ids of the chunks that they lie in, which costs no read, and if it may, by reading
/// what those leave open. One thread.
/// </summary>
internal sealed class ItemContentComparison(ItemSource left, ItemSource right)
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Open ranges of one file; of more, the last one reaches to the file's end.</summary>
    private const int MaxRangeCount = 4096;

    // Most comparisons read nothing.
    private byte[]? _left, _right;

    /// <summary>True: the chunks prove that the contents are the same. False: they may be or not. Nothing of the contents is read.</summary>
    /// <exception cref="FileSystems.FileSystemFormatException">A file cannot be opened or its map is damaged.</exception>
    /// <exception cref="BlockReadException">As above.</exception>
    public bool IsProvenSame(FileTreeEntry one, FileTreeEntry other)
    {
        if (one.SizeBytes != other.SizeBytes)
            return false;
        using ISparseBlockReader first = left.Tree.OpenData(one), second = right.Tree.OpenData(other);
        return first.LengthBytes == second.LengthBytes && OpenRanges(first, second).Count == 0;
    }

    /// <summary>Whether the contents are the same, byte by byte where the chunks do not tell.</summary>
    /// <exception cref="FileSystems.FileSystemFormatException">A file cannot be read.</exception>
    /// <exception cref="BlockReadException">As above.</exception>
    public bool IsSame(FileTreeEntry one, FileTreeEntry other, CancellationToken cancellation)
    {
        using ISparseBlockReader first = left.Tree.OpenData(one), second = right.Tree.OpenData(other);
        if (first.LengthBytes != second.LengthBytes)
            return false;
        foreach (ByteRange range in OpenRanges(first, second))
        {
            if (!IsSame(first, second, range, cancellation))
                return false;
        }
        return true;
    }

    // Only where one of them has data: two holes are the same.
    private bool IsSame(ISparseBlockReader first, ISparseBlockReader second, ByteRange range, CancellationToken cancellation)
    {
        byte[] ours = _left ??= new byte[BufferBytes], theirs = _right ??= new byte[BufferBytes];
        for (long at = range.OffsetBytes; at < range.EndBytes;)
        {
            cancellation.ThrowIfCancellationRequested();
            ByteRange? one = first.NextData(at), two = second.NextData(at);
            long start = Math.Min(one?.OffsetBytes ?? long.MaxValue, two?.OffsetBytes ?? long.MaxValue);
            if (start >= range.EndBytes)
                return true;
            at = Math.Max(at, start);
            int count = (int)Math.Min(BufferBytes, range.EndBytes - at);
            if (first.ReadAt(at, ours.AsSpan(0, count)) != count || second.ReadAt(at, theirs.AsSpan(0, count)) != count)
                throw new FileSystems.FileSystemFormatException($"the file ends before {at + count}");
            if (!ours.AsSpan(0, count).SequenceEqual(theirs.AsSpan(0, count)))
                return false;
            at += count;
        }
        return true;
    }

    /// <summary>The ranges of the files of which the chunks do not tell that they are the same.</summary>
    private List<ByteRange> OpenRanges(ISparseBlockReader first, ISparseBlockReader second)
    {
        var open = new List<ByteRange>();
        if (first.LengthBytes == 0)
            return open;
        var whole = new ByteRange(0, first.LengthBytes);
        if (first is not IStoredContent one || second is not IStoredContent two)
            return [whole];
        using var ours = new PieceCursor(one);
        using var theirs = new PieceCursor(two);
        for (long at = 0; at < whole.EndBytes;)
        {
            StoredPiece? mine = ours.At(at), other = theirs.At(at);
            if (mine is null && other is null)
                return open;
            // Transformed: all of it is stored in the same way over the same bytes, or nothing is known.
            if (mine is { Form: not StoredPiece.Plain } || other is { Form: not StoredPiece.Plain })
                return AreStoredAlike(one, two) ? [] : [whole];
            long next = Math.Min(Bound(mine, at), Bound(other, at));
            bool isHole = !Covers(mine, at) && !Covers(other, at);
            if (!isHole && Covers(mine, at) && Covers(other, at) && Place(mine!.Value, at) is >= 0 and var place && place == Place(other!.Value, at))
                Compare(open, at, place, next - at);
            else if (!isHole)
                open.AddJoined(new ByteRange(at, next - at));
            at = next;
            if (open.Count <= MaxRangeCount)
                continue;
            ByteRange last = open[open.Count - 1];
            open[open.Count - 1] = new ByteRange(last.OffsetBytes, whole.EndBytes - last.OffsetBytes);
            return open;
        }
        return open;
    }

    private static bool Covers(StoredPiece? piece, long at) => piece is { } found && found.FileOffsetBytes <= at;

    // Where what holds at a place of the file ends: a piece's end, or the begin of the next.
    private static long Bound(StoredPiece? piece, long at) => piece is not { } found ? long.MaxValue
        : found.FileOffsetBytes > at ? found.FileOffsetBytes : found.FileOffsetBytes + found.LengthBytes;

    private static long Place(StoredPiece piece, long at) => piece.VolumeOffsetBytes < 0 ? -1 : piece.VolumeOffsetBytes + (at - piece.FileOffsetBytes);

    private void Compare(List<ByteRange> open, long at, long placeBytes, long lengthBytes)
    {
        while (lengthBytes > 0)
        {
            long same = left.SameBytes(right, new ByteRange(placeBytes, lengthBytes));
            long step = same > 0 ? same : left.ChunkRest(placeBytes, lengthBytes);
            if (same == 0)
                open.AddJoined(new ByteRange(at, step));
            at += step;
            placeBytes += step;
            lengthBytes -= step;
        }
    }

    private bool AreStoredAlike(IStoredContent one, IStoredContent two)
    {
        using IEnumerator<StoredPiece> ours = one.Pieces().GetEnumerator(), theirs = two.Pieces().GetEnumerator();
        while (ours.MoveNext())
        {
            if (!theirs.MoveNext() || ours.Current != theirs.Current || !AreSame(ours.Current.VolumeOffsetBytes, ours.Current.StoredBytes))
                return false;
        }
        return !theirs.MoveNext();
    }

    private bool AreSame(long placeBytes, long lengthBytes)
    {
        if (placeBytes < 0)
            return false;
        while (lengthBytes > 0)
        {
            long same = left.SameBytes(right, new ByteRange(placeBytes, lengthBytes));
            if (same == 0)
                return false;
            placeBytes += same;
            lengthBytes -= same;
        }
        return true;
    }

    private sealed class PieceCursor(IStoredContent content) : IDisposable
    {
        private readonly IEnumerator<StoredPiece> _pieces = content.Pieces().GetEnumerator();
        private StoredPiece? _current;
        private bool _isEnded;

        /// <summary>The piece that holds the byte, or the next one behind it.</summary>
        public StoredPiece? At(long offsetBytes)
        {
            while (!_isEnded && (_current is not { } current || current.FileOffsetBytes + current.LengthBytes <= offsetBytes))
            {
                _isEnded = !_pieces.MoveNext();
                _current = _isEnded ? null : _pieces.Current;
            }
            return _current;
        }

        public void Dispose() => _pieces.Dispose();
    }
}
