using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

public sealed class NtfsScaleTests(ITestOutputHelper output)
{
    /// <summary>16 TiB less what ext4 cannot address in a file.</summary>
    private const long LengthBytes = (16L << 40) - (64 << 10);

    [Fact]
    public void AMapOf16TiBTakesUnderFiveSecondsAnd200MB()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(LengthBytes);
        var reader = new NtfsReader();
        Assert.Equal(LengthBytes, reader.Probe(image)!.SizeBytes + 512);

        GC.Collect();
        long peakBefore = PeakBytes();
        var watch = Stopwatch.StartNew();
        UsedRangeMap map = reader.ReadUsedRanges(image, CancellationToken.None);
        watch.Stop();
        long grownBytes = PeakBytes() - peakBefore;
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F2} s, peak grown by {grownBytes >> 20} MiB, {map.Ranges.Count} ranges, {map.UsedBytes} bytes used");

        (long total, long free) = NtfsImages.ClusterCounts(image);
        Assert.Equal((total - free) * 4096 + LengthBytes - total * 4096, map.UsedBytes);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}");
        Assert.True(grownBytes < 200 << 20, $"peak grew by {grownBytes} bytes");
    }

    private static long PeakBytes()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                return long.Parse(line.AsSpan(6, line.Length - 9).Trim(), System.Globalization.CultureInfo.InvariantCulture) << 10;
        }
        throw new InvalidOperationException("no VmHWM");
    }
}
