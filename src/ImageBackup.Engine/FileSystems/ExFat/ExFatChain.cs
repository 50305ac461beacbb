using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>Clusters that follow one another on the volume.</summary>
internal readonly record struct ExFatRun(uint FirstCluster, uint ClusterCount);

/// <summary>
/// Where an allocation lies: in one run if its directory entry says so, else by the chain in the file allocation
/// table (section 4). Reads the table through a window, as chains mostly run forward.
/// </summary>
internal sealed class ExFatChain(IBlockReader volume, ExFatBootSector geometry, CancellationToken cancellation)
{
    private const int WindowBytes = 16 << 10;
    private const uint EndMark = 0xFFFFFFFF;

    /// <summary>16 MiB of runs.</summary>
    private const int MaxRunCount = 1 << 20;

    /// <summary>For all chains together: what a volume that is still of use stays far below.</summary>
    private const int MaxWindowReads = 1 << 24;

    private readonly byte[] _window = new byte[WindowBytes];
    private long _windowStart = -1;
    private int _windowReads;

    /// <summary>Exactly the clusters that the length asks for.</summary>
    /// <exception cref="FileSystemFormatException">The chain is shorter, longer, leaves the volume or runs in a circle.</exception>
    public List<ExFatRun> Runs(uint firstCluster, ulong lengthBytes, bool isContiguous)
    {
        ulong clusterCount = lengthBytes / (uint)geometry.ClusterSizeBytes + (lengthBytes % (uint)geometry.ClusterSizeBytes == 0 ? 0u : 1u);
        if (clusterCount == 0)
            return [];
        if (!geometry.IsCluster(firstCluster) || clusterCount > geometry.ClusterCount - (isContiguous ? firstCluster - 2 : 0))
            throw new FileSystemFormatException($"exFAT: {lengthBytes} bytes from cluster {firstCluster} on do not fit the volume");
        if (isContiguous)
            return [new ExFatRun(firstCluster, (uint)clusterCount)];
        List<ExFatRun> runs = Follow(firstCluster, (uint)clusterCount, out uint found);
        return found == clusterCount ? runs : throw new FileSystemFormatException($"exFAT: the chain from cluster {firstCluster} is too short");
    }

    /// <summary>A chain to its end, of at most so many clusters: the root directory has no length.</summary>
    /// <exception cref="FileSystemFormatException">As above.</exception>
    public List<ExFatRun> RunsToEnd(uint firstCluster, uint maxClusterCount) => Follow(firstCluster, maxClusterCount, out _);

    // More clusters than allowed means a circle, or a chain that its owner's length contradicts.
    private List<ExFatRun> Follow(uint cluster, uint maxClusterCount, out uint found)
    {
        var runs = new List<ExFatRun>();
        found = 0;
        while (cluster != EndMark)
        {
            if (!geometry.IsCluster(cluster) || found == maxClusterCount)
                throw new FileSystemFormatException($"exFAT: a chain is damaged at cluster {cluster}");
            found++;
            if (runs.Count > 0 && runs[runs.Count - 1] is var last && last.FirstCluster + last.ClusterCount == cluster)
                runs[runs.Count - 1] = last with { ClusterCount = last.ClusterCount + 1 };
            else if (runs.Count < MaxRunCount)
                runs.Add(new ExFatRun(cluster, 1));
            else
                throw new FileSystemFormatException("exFAT: a chain has too many runs");
            cluster = Next(cluster);
        }
        return runs;
    }

    private uint Next(uint cluster)
    {
        long offset = cluster * 4L;
        long start = offset / WindowBytes * WindowBytes;
        if (start != _windowStart)
        {
            cancellation.ThrowIfCancellationRequested();
            if (++_windowReads > MaxWindowReads)
                throw new FileSystemFormatException("exFAT: the chains of the allocation table are too scattered to follow");
            _windowStart = -1;
            long tableBytes = geometry.FatLength * (long)geometry.SectorSizeBytes;
            volume.ReadExact(geometry.FatOffsetBytes + start, _window.AsSpan(0, (int)Math.Min(WindowBytes, tableBytes - start)));
            _windowStart = start;
        }
        return LittleEndian.UInt32(_window, (int)(offset - start));
    }
}
