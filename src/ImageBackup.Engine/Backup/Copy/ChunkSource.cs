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
    /// <summary>A gap that takes no longer to read than another request to a disk that spins, or to one on a network, takes to answer.</summary>
    internal const int JoinedGapBytes = 128 << 10;

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
        ReadParts(range, buffer);
        long end = range.OffsetBytes;
        foreach (ByteRange part in used.Within(range))
        {
            Clear(end, part.OffsetBytes);
            end = part.EndBytes;
        }
        Clear(end, range.EndBytes);

        void Clear(long from, long to) => Array.Clear(buffer, (int)(from - range.OffsetBytes), (int)(to - from));
    }

    /// <summary>Reads what is used of a chunk to its places in the buffer; what lies between may be anything then.</summary>
    private void ReadParts(ByteRange chunk, byte[] buffer)
    {
        // What reads ahead has the next part already when it is asked for it.
        long gapBytes = volume is IQueuedReader { QueueBytes: > 0 } ? JoinedGapBytes : 0;
        ByteRange run = default;
        int partCount = 0;
        foreach (ByteRange part in used.Within(chunk))
        {
            if (partCount > 0 && part.OffsetBytes - run.EndBytes <= gapBytes)
            {
                run = new ByteRange(run.OffsetBytes, part.EndBytes - run.OffsetBytes);
                partCount++;
                continue;
            }
            ReadRun();
            (run, partCount) = (part, 1);
        }
        ReadRun();

        void ReadRun()
        {
            // What is free need not be readable.
            if (partCount > 1 && TryRead(run, Target(run)))
                return;
            if (partCount > 0)
            {
                foreach (ByteRange part in used.Within(run))
                    Read(part.OffsetBytes, Target(part));
            }
        }

        Span<byte> Target(ByteRange part) => buffer.AsSpan((int)(part.OffsetBytes - chunk.OffsetBytes), (int)part.LengthBytes);
    }

    private bool TryRead(ByteRange range, Span<byte> target)
    {
        try
        {
            return volume.ReadAt(range.OffsetBytes, target) == target.Length;
        }
        catch (BlockReadException)
        {
            return false;
        }
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
