using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Collects what a reader has proven to be free and gives the rest as the used ranges: all-used at the start.
/// </summary>
/// <remarks>
/// Free runs may come in any order; runs that follow one another are joined. Memory is bounded: beyond
/// <c>maxRunCount</c> runs the shortest ones are forgotten, which keeps their bytes as used (a larger image,
/// never a wrong one). Free space that is reported twice is damage and makes <see cref="Build"/> fail.
/// Not thread-safe.
/// </remarks>
internal sealed class UsedRangeBuilder
{
    /// <summary>16 MiB of runs while collecting, and as much for the result.</summary>
    public const int DefaultMaxRunCount = 1 << 20;

    private readonly long _volumeLengthBytes;
    private readonly int _clusterSizeBytes;
    private readonly int _maxRunCount;
    private readonly List<ByteRange> _free = [];
    private readonly List<ByteRange> _kept = [];
    private long _pendingStartBytes;
    private long _pendingEndBytes;
    private long _minRunBytes;

    public UsedRangeBuilder(long volumeLengthBytes, int clusterSizeBytes, int maxRunCount = DefaultMaxRunCount)
    {
        if (volumeLengthBytes < 0)
            throw new ArgumentOutOfRangeException(nameof(volumeLengthBytes));
        if (clusterSizeBytes <= 0)
            throw new ArgumentOutOfRangeException(nameof(clusterSizeBytes));
        if (maxRunCount < 2)
            throw new ArgumentOutOfRangeException(nameof(maxRunCount));
        _volumeLengthBytes = volumeLengthBytes;
        _clusterSizeBytes = clusterSizeBytes;
        _maxRunCount = maxRunCount;
    }

    /// <summary>Sum of everything that was reported free, forgotten runs included: for reconciling with counters.</summary>
    public long FreeBytes { get; private set; }

    /// <summary>Free runs shorter than this are kept as used; 0 as long as the memory bound was not met.</summary>
    public long MinimumRunBytes => _minRunBytes;

    /// <summary>Clears a run that is proven free. Lengths of 0 are passed over.</summary>
    /// <exception cref="FileSystemFormatException">The run is not inside the volume.</exception>
    public void Free(long offsetBytes, long lengthBytes)
    {
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > _volumeLengthBytes - lengthBytes)
            throw new FileSystemFormatException($"free run {offsetBytes}+{lengthBytes} lies outside the volume of {_volumeLengthBytes} bytes");
        if (lengthBytes == 0)
            return;
        FreeBytes += lengthBytes;
        if (offsetBytes == _pendingEndBytes && _pendingEndBytes > _pendingStartBytes)
        {
            _pendingEndBytes += lengthBytes;
            return;
        }
        FlushPending();
        _pendingStartBytes = offsetBytes;
        _pendingEndBytes = offsetBytes + lengthBytes;
    }

    /// <summary>
    /// Clears what a bitmap says is free: bit 0 is the lowest bit of byte 0 and stands for the cluster at
    /// <paramref name="firstClusterOffsetBytes"/>. A cluster that reaches past the volume's end is cut there.
    /// </summary>
    /// <param name="bitmap">At least <paramref name="bitCount"/> bits.</param>
    /// <param name="firstClusterOffsetBytes">Where on the volume the first bit's cluster lies.</param>
    /// <param name="bitCount">How many bits count.</param>
    /// <param name="clusterSizeBytes">Bytes a bit stands for.</param>
    /// <returns>The number of clear (free) bits.</returns>
    /// <exception cref="FileSystemFormatException">The bitmap is too short, or a free cluster lies outside the volume.</exception>
    public long FreeByBitmap(ReadOnlySpan<byte> bitmap, long firstClusterOffsetBytes, long bitCount, long clusterSizeBytes)
    {
        if (bitCount < 0 || bitCount > bitmap.Length * 8L)
            throw new FileSystemFormatException($"a bitmap of {bitmap.Length} bytes has no {bitCount} bits");
        long freeCount = 0;
        long bit = 0;
        while (bit < bitCount)
        {
            long start = NextBit(bitmap, bit, bitCount, set: false);
            if (start >= bitCount)
                break;
            long end = NextBit(bitmap, start, bitCount, set: true);
            freeCount += end - start;
            long startBytes = firstClusterOffsetBytes + start * clusterSizeBytes;
            long endBytes = firstClusterOffsetBytes + end * clusterSizeBytes;
            if (endBytes > _volumeLengthBytes && endBytes - _volumeLengthBytes < clusterSizeBytes)
                endBytes = _volumeLengthBytes;
            Free(startBytes, endBytes - startBytes);
            bit = end;
        }
        return freeCount;
    }

    /// <summary>The number of clear (free) bits among the first <paramref name="bitCount"/>.</summary>
    /// <exception cref="FileSystemFormatException">The bitmap is too short.</exception>
    public static long CountFree(ReadOnlySpan<byte> bitmap, long bitCount)
    {
        if (bitCount < 0 || bitCount > bitmap.Length * 8L)
            throw new FileSystemFormatException($"a bitmap of {bitmap.Length} bytes has no {bitCount} bits");
        long usedCount = 0;
        int whole = (int)(bitCount >> 6);
        for (int word = 0; word < whole; word++)
            usedCount += BitScan.PopCount(BinaryPrimitives.ReadUInt64LittleEndian(bitmap.Slice(word << 3)));
        if ((bitCount & 63) != 0)
        {
            ReadOnlySpan<byte> rest = bitmap.Slice(whole << 3);
            ulong last = rest.Length >= 8 ? BinaryPrimitives.ReadUInt64LittleEndian(rest) : PartialWord(rest);
            usedCount += BitScan.PopCount(last & ((1UL << (int)(bitCount & 63)) - 1));
        }
        return bitCount - usedCount;
    }

    /// <summary>Keeps a range as used, whatever was or will be reported free: backup boot sectors, superblock mirrors.</summary>
    public void Keep(long offsetBytes, long lengthBytes)
    {
        long start = Math.Max(0, offsetBytes);
        long end = Math.Min(_volumeLengthBytes, offsetBytes > long.MaxValue - lengthBytes ? long.MaxValue : offsetBytes + lengthBytes);
        if (end > start)
            _kept.Add(new ByteRange(start, end - start));
    }

    /// <exception cref="FileSystemFormatException">Free runs overlap.</exception>
    public UsedRangeMap Build(params string[] warnings)
    {
        FlushPending();
        List<ByteRange> free = SubtractKept(SortedFree());
        var used = new List<ByteRange>(free.Count + 1);
        long usedBytes = 0;
        long position = 0;
        foreach (ByteRange run in free)
        {
            if (run.OffsetBytes > position)
            {
                used.Add(new ByteRange(position, run.OffsetBytes - position));
                usedBytes += run.OffsetBytes - position;
            }
            position = run.EndBytes;
        }
        if (_volumeLengthBytes > position)
        {
            used.Add(new ByteRange(position, _volumeLengthBytes - position));
            usedBytes += _volumeLengthBytes - position;
        }
        return new UsedRangeMap
        {
            Ranges = used,
            ClusterSizeBytes = _clusterSizeBytes,
            UsedBytes = usedBytes,
            Warnings = warnings,
        };
    }

    /// <summary>The map of a volume of which every byte counts as used.</summary>
    public static UsedRangeMap Whole(long volumeLengthBytes, int clusterSizeBytes, params string[] warnings) =>
        new UsedRangeBuilder(volumeLengthBytes, clusterSizeBytes).Build(warnings);

    private List<ByteRange> SortedFree()
    {
        bool isSorted = true;
        for (int i = 1; i < _free.Count && isSorted; i++)
            isSorted = _free[i - 1].OffsetBytes <= _free[i].OffsetBytes;
        if (!isSorted)
            _free.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        for (int i = 1; i < _free.Count; i++)
        {
            if (_free[i].OffsetBytes < _free[i - 1].EndBytes)
                throw new FileSystemFormatException($"the space at offset {_free[i].OffsetBytes} is reported free twice");
        }
        return _free;
    }

    private List<ByteRange> SubtractKept(List<ByteRange> free)
    {
        if (_kept.Count == 0)
            return free;
        _kept.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        var result = new List<ByteRange>(free.Count + _kept.Count);
        int firstKept = 0;
        long keptEndBytes = 0;
        foreach (ByteRange run in free)
        {
            long position = Math.Max(run.OffsetBytes, Math.Min(keptEndBytes, run.EndBytes));
            while (firstKept < _kept.Count && _kept[firstKept].OffsetBytes < run.EndBytes)
            {
                ByteRange kept = _kept[firstKept++];
                if (kept.OffsetBytes > position)
                    result.Add(new ByteRange(position, kept.OffsetBytes - position));
                keptEndBytes = Math.Max(keptEndBytes, kept.EndBytes);
                position = Math.Max(position, Math.Min(keptEndBytes, run.EndBytes));
            }
            if (run.EndBytes > position)
                result.Add(new ByteRange(position, run.EndBytes - position));
        }
        return result;
    }

    private void FlushPending()
    {
        long lengthBytes = _pendingEndBytes - _pendingStartBytes;
        if (lengthBytes > 0 && lengthBytes >= _minRunBytes)
        {
            if (_free.Count >= _maxRunCount)
                ForgetShortRuns();
            if (lengthBytes >= _minRunBytes)
                _free.Add(new ByteRange(_pendingStartBytes, lengthBytes));
        }
        _pendingStartBytes = 0;
        _pendingEndBytes = 0;
    }

    private void ForgetShortRuns()
    {
        while (_free.Count > _maxRunCount / 2)
        {
            _minRunBytes = _minRunBytes == 0 ? 2L * _clusterSizeBytes : _minRunBytes * 2;
            long limit = _minRunBytes;
            _free.RemoveAll(run => run.LengthBytes < limit);
        }
    }

    private static long NextBit(ReadOnlySpan<byte> bitmap, long from, long bitCount, bool set)
    {
        ulong invert = set ? 0UL : ulong.MaxValue;
        long bit = from;
        while (bit < bitCount)
        {
            int wordByte = (int)(bit >> 6) << 3;
            int available = bitmap.Length - wordByte;
            ulong word = available >= 8
                ? BinaryPrimitives.ReadUInt64LittleEndian(bitmap.Slice(wordByte))
                : PartialWord(bitmap.Slice(wordByte));
            word = (word ^ invert) & (ulong.MaxValue << (int)(bit & 63));
            if (word != 0)
                return Math.Min(bitCount, (long)wordByte * 8 + BitScan.TrailingZeroCount(word));
            bit = (long)(wordByte + 8) * 8;
        }
        return bitCount;
    }

    private static ulong PartialWord(ReadOnlySpan<byte> bytes)
    {
        ulong word = 0;
        for (int i = 0; i < bytes.Length; i++)
            word |= (ulong)bytes[i] << (8 * i);
        return word;
    }
}
