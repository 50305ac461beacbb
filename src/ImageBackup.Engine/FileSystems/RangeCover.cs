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
        int first = map.Ranges.FirstEndingAfter(range.OffsetBytes);
        return first < map.Ranges.Count && map.Ranges[first].OffsetBytes <= range.OffsetBytes && map.Ranges[first].EndBytes >= range.EndBytes;
    }
}
