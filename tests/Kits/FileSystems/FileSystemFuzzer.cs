using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Runs one reader over mutated seeds and holds it to its contract.</summary>
internal sealed class FileSystemFuzzer(IFileSystemReader reader, SeedVolume seed)
{
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(20);
    private const long MaxAllocatedBytes = 600L << 20;

    /// <summary>Runs whose map was accepted: shows that the mutations do not all die at the first check.</summary>
    public long AcceptedCount { get; private set; }
    public long RefusedCount { get; private set; }
    public TimeSpan LongestRun { get; private set; }
    public long LargestAllocationBytes { get; private set; }

    /// <summary>One run. The number gives the same mutations again.</summary>
    /// <exception cref="InvalidDataException">The reader broke its contract; says how, and with which number.</exception>
    public void Run(int number)
    {
        using var volume = new MutatedVolume(seed, number);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        try
        {
            reader.Probe(volume);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidDataException($"run {number}: the probe threw {e}", e);
        }
        try
        {
            UsedRangeMap map = reader.ReadUsedRanges(volume, CancellationToken.None);
            RequireShape(map, volume.LengthBytes, number);
            AcceptedCount++;
        }
        catch (FileSystemFormatException)
        {
            RefusedCount++;
        }
        catch (Exception e) when (e is not InvalidDataException)
        {
            throw new InvalidDataException($"run {number}: the reader threw {e}", e);
        }
        FindOmitted(volume, number);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        LongestRun = elapsed > LongestRun ? elapsed : LongestRun;
        LargestAllocationBytes = Math.Max(LargestAllocationBytes, allocated);
        if (elapsed > s_maxTime)
            throw new InvalidDataException($"run {number}: took {elapsed}, {volume.ReadBytes} bytes read");
        if (allocated > MaxAllocatedBytes)
            throw new InvalidDataException($"run {number}: allocated {allocated} bytes");
    }

    private void FindOmitted(MutatedVolume volume, int number)
    {
        if (reader is not IOmittedFiles leftOut)
            return;
        try
        {
            foreach (OmittedFile file in leftOut.FindOmittedFiles(volume, isFlushed: true, CancellationToken.None))
            {
                var map = new UsedRangeMap
                {
                    Ranges = ByteRanges.Join(file.Ranges),
                    ClusterSizeBytes = SeedVolume.SectorBytes,
                    UsedBytes = file.Ranges.Sum(static range => range.LengthBytes),
                };
                RequireShape(map, volume.LengthBytes, number);
            }
        }
        catch (FileSystemFormatException)
        {
            // Nothing is left out of a volume whose directories cannot be read.
        }
        catch (Exception e) when (e is not InvalidDataException)
        {
            throw new InvalidDataException($"run {number}: the search for files to leave out threw {e}", e);
        }
    }

    private static void RequireShape(UsedRangeMap map, long lengthBytes, int number)
    {
        long end = -1;
        long sum = 0;
        foreach (ByteRange range in map.Ranges)
        {
            if (range.OffsetBytes <= end || range.LengthBytes <= 0 || range.OffsetBytes < 0 || range.OffsetBytes > lengthBytes - range.LengthBytes)
                throw new InvalidDataException($"run {number}: the map has {range} after {end} in {lengthBytes} bytes");
            end = range.EndBytes;
            sum += range.LengthBytes;
        }
        if (sum != map.UsedBytes)
            throw new InvalidDataException($"run {number}: the map's sum is {sum}, it says {map.UsedBytes}");
    }
}
