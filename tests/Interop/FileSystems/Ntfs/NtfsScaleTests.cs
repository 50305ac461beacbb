using System;
using System.Threading;
using ImageBackup.Engine.Blocks;
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

        (UsedRangeMap map, TimeSpan time, long grownBytes) = Measured.Run(() => reader.ReadUsedRanges(image, CancellationToken.None));
        output.WriteLine($"{time.TotalSeconds:F2} s, peak grown by {grownBytes >> 20} MiB, {map.Ranges.Count} ranges, {map.UsedBytes} bytes used");

        (long total, long free) = NtfsImages.ClusterCounts(image);
        Assert.Equal((total - free) * 4096 + LengthBytes - total * 4096, map.UsedBytes);
        Assert.True(time < TimeSpan.FromSeconds(5), $"took {time}");
        Assert.True(grownBytes < 200 << 20, $"peak grew by {grownBytes} bytes");
    }
}
