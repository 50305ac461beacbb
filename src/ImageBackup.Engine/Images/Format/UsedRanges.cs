using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The byte ranges of a volume that an image stores: sorted, disjoint, not adjacent. Everything else reads as zeros in
/// the image, whatever the volume holds there.
/// </summary>
internal sealed class UsedRanges
{
    private readonly IReadOnlyList<ByteRange> _ranges;

    /// <exception cref="ArgumentException">Not sorted, overlapping, or outside the volume.</exception>
    public UsedRanges(IReadOnlyList<ByteRange> ranges, long volumeBytes)
    {
        long end = 0;
        foreach (ByteRange range in ranges)
        {
            if (range.LengthBytes <= 0 || range.OffsetBytes < end || range.LengthBytes > volumeBytes - range.OffsetBytes)
                throw new ArgumentException("Used ranges must be sorted, disjoint and inside the volume.", nameof(ranges));
            end = range.EndBytes;
            UsedBytes += range.LengthBytes;
        }
        _ranges = ranges;
        VolumeBytes = volumeBytes;
    }

    /// <summary>The whole volume is used.</summary>
    public static UsedRanges Whole(long volumeBytes) => new([new ByteRange(0, volumeBytes)], volumeBytes);

    /// <summary>
    /// By TSM's gap rule: an unused run of at most <paramref name="gapSizeBytes"/> between two used ones is
    /// stored, a longer one is not; the unused tail is dropped whatever its length. A gap size of 0 stores everything.
    /// </summary>
    public static UsedRanges Merge(IReadOnlyList<ByteRange> used, long volumeBytes, long gapSizeBytes)
    {
        if (gapSizeBytes == 0)
            return Whole(volumeBytes);
        var merged = new List<ByteRange>(used.Count);
        foreach (ByteRange range in used)
        {
            long end = merged.Count > 0 ? merged[merged.Count - 1].EndBytes : 0;
            if (range.OffsetBytes - end <= gapSizeBytes)
            {
                long start = merged.Count > 0 ? merged[merged.Count - 1].OffsetBytes : 0;
                if (merged.Count > 0)
                    merged[merged.Count - 1] = new ByteRange(start, range.EndBytes - start);
                else
                    merged.Add(new ByteRange(0, range.EndBytes));
            }
            else
            {
                merged.Add(range);
            }
        }
        return new UsedRanges(merged, volumeBytes);
    }

    public long VolumeBytes { get; }
    public long UsedBytes { get; }
    public int Count => _ranges.Count;
    public IReadOnlyList<ByteRange> Ranges => _ranges;
    public bool IsWhole => UsedBytes == VolumeBytes;

    /// <summary>The parts of the used ranges inside one range, in order. Binary search, then a scan of the hits.</summary>
    public IEnumerable<ByteRange> Within(ByteRange range)
    {
        for (int i = _ranges.FirstEndingAfter(range.OffsetBytes); i < _ranges.Count && _ranges[i].OffsetBytes < range.EndBytes; i++)
        {
            long start = Math.Max(range.OffsetBytes, _ranges[i].OffsetBytes);
            long end = Math.Min(range.EndBytes, _ranges[i].EndBytes);
            yield return new ByteRange(start, end - start);
        }
    }
}
