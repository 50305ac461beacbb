using System.Collections.Generic;

namespace ImageBackup.Engine.Disks;

/// <summary>Whether two partitions of a table claim the same bytes.</summary>
internal static class PartitionOverlap
{
    /// <summary>In words; null if none do.</summary>
    public static string? Overlap(this IReadOnlyList<DiskPartition> partitions)
    {
        List<DiskPartition> sorted = [.. partitions];
        sorted.Sort(static (a, b) => a.Extent.OffsetBytes.CompareTo(b.Extent.OffsetBytes));
        DiskPartition? last = null;
        foreach (DiskPartition partition in sorted)
        {
            if (last is not null && partition.Extent.OffsetBytes < last.Extent.EndBytes)
                return $"the partitions {last.Number} and {partition.Number} overlap";
            if (last is null || partition.Extent.EndBytes > last.Extent.EndBytes)
                last = partition;
        }
        return null;
    }
}
