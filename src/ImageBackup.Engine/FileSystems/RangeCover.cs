using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>Asks a finished map whether bytes that must be in use are.</summary>
internal static class RangeCover
{
    /// <summary>Whether every byte of the range is used. An empty range is.</summary>
    public static bool Covers(this UsedRangeMap map, ByteRange range)
    {
        if (range.LengthBytes == 0)
            return true;
        IReadOnlyList<ByteRange> ranges = map.Ranges;
        int low = 0;
        int high = ranges.Count - 1;
        while (low <= high)
        {
            int middle = low + ((high - low) >> 1);
            ByteRange candidate = ranges[middle];
            if (candidate.EndBytes <= range.OffsetBytes)
                low = middle + 1;
            else if (candidate.OffsetBytes > range.OffsetBytes)
                high = middle - 1;
            else
                return candidate.EndBytes >= range.EndBytes;
        }
        return false;
    }
}
