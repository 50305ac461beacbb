using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;

namespace ImageBackup.Engine.Backup.Map;

/// <summary>Makes used ranges of a source's own answer: all used at the start, cleared if a bit says free.</summary>
internal static class VolumeBitmapReader
{
    /// <exception cref="FileSystemFormatException">The answer contradicts itself or the volume's length.</exception>
    /// <exception cref="BlockReadException">The source stopped answering.</exception>
    public static UsedRangeMap Read(VolumeBitmap own, long volumeLengthBytes, CancellationToken cancellation)
    {
        if (own.ClusterSizeBytes <= 0 || own.FirstClusterOffsetBytes < 0 || own.ClusterCount <= 0
            || own.FirstClusterOffsetBytes > volumeLengthBytes
            || own.ClusterCount > (volumeLengthBytes - own.FirstClusterOffsetBytes) / own.ClusterSizeBytes)
        {
            throw new FileSystemFormatException(
                $"{own.ClusterCount} clusters of {own.ClusterSizeBytes} bytes from offset {own.FirstClusterOffsetBytes} do not fit the volume of {volumeLengthBytes} bytes");
        }
        var builder = new UsedRangeBuilder(volumeLengthBytes, own.ClusterSizeBytes);
        long next = 0;
        foreach (UsedMapPage page in own.Pages)
        {
            cancellation.ThrowIfCancellationRequested();
            if (page.FirstCluster != next || page.ClusterCount <= 0 || page.ClusterCount > own.ClusterCount - next)
                throw new FileSystemFormatException($"a part of the map from cluster {page.FirstCluster} on came where {next} was due, of {own.ClusterCount}");
            builder.FreeByBitmap(page.Bits, own.FirstClusterOffsetBytes + next * own.ClusterSizeBytes, page.ClusterCount, own.ClusterSizeBytes);
            next += page.ClusterCount;
        }
        if (next != own.ClusterCount)
            throw new FileSystemFormatException($"the map ended at cluster {next} of {own.ClusterCount}");
        return builder.Build();
    }
}
