using System;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// Fills chunks from a volume: reads what is used, leaves zeros if nothing is, and skips chunks that hold nothing (an
/// unused run, a hole in a file) without reading.
/// </summary>
internal sealed class ChunkSource(IBlockReader volume, ChunkGeometry geometry, UsedRanges used, ReadErrorPolicy? policy = null)
{
    private ByteRange? _data;
    private bool _knowsData;
    private readonly ReadErrorPolicy _policy = policy ?? new ReadErrorPolicy(volume, errorLimit: 0);

    /// <summary>Whether a chunk may hold anything but zeros. One thread at a time, in order.</summary>
    public bool HoldsData(long chunk)
    {
        var range = new ByteRange(geometry.OffsetBytes(chunk), geometry.LengthBytes(chunk));
        return MayHoldData(range) && (used.IsWhole || used.Within(range).Any());
    }

    /// <summary>Fills the buffer's first bytes with a chunk, if it is in use. Any thread.</summary>
    /// <exception cref="BlockReadException">The volume could not be read.</exception>
    public void Fill(long chunk, byte[] buffer)
    {
        int lengthBytes = geometry.LengthBytes(chunk);
        var range = new ByteRange(geometry.OffsetBytes(chunk), lengthBytes);
        if (used.IsWhole)
        {
            Read(range.OffsetBytes, buffer.AsSpan(0, lengthBytes));
            return;
        }
        long end = range.OffsetBytes;
        foreach (ByteRange part in used.Within(range))
        {
            int at = (int)(part.OffsetBytes - range.OffsetBytes);
            int gap = (int)(end - range.OffsetBytes);
            Array.Clear(buffer, gap, at - gap);
            Read(part.OffsetBytes, buffer.AsSpan(at, (int)part.LengthBytes));
            end = part.EndBytes;
        }
        int tail = (int)(end - range.OffsetBytes);
        Array.Clear(buffer, tail, lengthBytes - tail);
    }

    /// <summary>Whether a file's holes leave anything of the range. Asked once a hole, not once a chunk.</summary>
    private bool MayHoldData(ByteRange range)
    {
        if (volume is not ISparseBlockReader sparse)
            return true;
        if (!_knowsData || _data is { } data && data.EndBytes <= range.OffsetBytes)
        {
            _data = sparse.NextData(range.OffsetBytes);
            _knowsData = true;
        }
        return _data is { } next && next.OffsetBytes < range.EndBytes;
    }

    private void Read(long offsetBytes, Span<byte> target) => _policy.Read(offsetBytes, target);
}
