using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Blocks;

/// <summary>Takes ranges out of ranges.</summary>
internal static class RangeSubtraction
{
    /// <summary>What of <paramref name="ranges"/> lies in none of <paramref name="removed"/>, in order.</summary>
    /// <param name="ranges">Sorted by offset and disjoint.</param>
    /// <param name="removed">In any order; may overlap, and reach outside the ranges.</param>
    public static IReadOnlyList<ByteRange> Subtract(IReadOnlyList<ByteRange> ranges, IEnumerable<ByteRange> removed)
    {
        var holes = new List<ByteRange>(removed);
        holes.Sort(static (a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        if (holes.Count == 0)
            return ranges;
        var rest = new List<ByteRange>(ranges.Count);
        int next = 0;
        long removedTo = 0;
        foreach (ByteRange range in ranges)
        {
            // A hole may reach over several ranges, and a shorter one begin inside it: only how far they reach counts.
            long position = Math.Max(range.OffsetBytes, removedTo);
            for (; next < holes.Count && holes[next].OffsetBytes < range.EndBytes; next++)
            {
                if (holes[next].OffsetBytes > position)
                    rest.Add(new ByteRange(position, holes[next].OffsetBytes - position));
                removedTo = Math.Max(removedTo, holes[next].EndBytes);
                position = Math.Max(position, removedTo);
            }
            if (range.EndBytes > position)
                rest.Add(new ByteRange(position, range.EndBytes - position));
        }
        return rest;
    }
}
