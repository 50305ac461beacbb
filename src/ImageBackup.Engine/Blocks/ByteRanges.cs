using System.Collections.Generic;

namespace ImageBackup.Engine.Blocks;

/// <summary>Lists of ranges that are sorted by offset and disjoint.</summary>
internal static class ByteRanges
{
    /// <summary>Adds a range to the end of the list, as part of the last one if it begins where that ends.</summary>
    public static void AddJoined(this List<ByteRange> sorted, ByteRange next)
    {
        int last = sorted.Count - 1;
        if (last >= 0 && sorted[last].EndBytes == next.OffsetBytes)
            sorted[last] = sorted[last] with { LengthBytes = sorted[last].LengthBytes + next.LengthBytes };
        else
            sorted.Add(next);
    }

    /// <summary>Puts a range that overlaps none in its place among sorted ones, as part of those that it touches.</summary>
    public static void InsertJoined(this List<ByteRange> sorted, ByteRange next)
    {
        int at = sorted.FirstEndingAfter(next.OffsetBytes);
        if (at < sorted.Count && sorted[at].OffsetBytes == next.EndBytes)
        {
            next = next with { LengthBytes = next.LengthBytes + sorted[at].LengthBytes };
            sorted.RemoveAt(at);
        }
        if (at > 0 && sorted[at - 1].EndBytes == next.OffsetBytes)
            sorted[at - 1] = sorted[at - 1] with { LengthBytes = sorted[at - 1].LengthBytes + next.LengthBytes };
        else
            sorted.Insert(at, next);
    }

    /// <summary>The same bytes in as few ranges as possible.</summary>
    public static List<ByteRange> Join(IEnumerable<ByteRange> sorted)
    {
        var joined = new List<ByteRange>();
        foreach (ByteRange range in sorted)
            joined.AddJoined(range);
        return joined;
    }

    /// <summary>The index of the first range that ends behind an offset: the first that can hold or follow it. The count if none does.</summary>
    public static int FirstEndingAfter(this IReadOnlyList<ByteRange> sorted, long offsetBytes)
    {
        int low = 0, high = sorted.Count;
        while (low < high)
        {
            int middle = low + (high - low) / 2;
            if (sorted[middle].EndBytes <= offsetBytes)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
