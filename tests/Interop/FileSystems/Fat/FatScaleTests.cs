using System;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Tests.Interop.FileSystems.Images;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Fat;

public sealed class FatScaleTests(ITestOutputHelper output)
{
    [Fact]
    public void AMapOf2TiBTakesUnderFiveSecondsAnd200MB()
    {
        // The largest that 32 bits of sectors allow: two tables of 256 MiB.
        using ImageFile image = FatImages.Create((2L << 40) - (1 << 20), "-F", "32", "-s", "64");
        (UsedRangeMap map, TimeSpan time, long grownBytes) = Measured.Run(() => new FatReader().ReadUsedRanges(image, CancellationToken.None));
        output.WriteLine($"{time.TotalSeconds:F2} s, peak grown by {grownBytes >> 20} MiB, {map.UsedBytes} bytes used");
        Assert.True(map.UsedBytes < 600 << 20);
        Assert.True(time < TimeSpan.FromSeconds(5), $"took {time}");
        Assert.True(grownBytes < 200 << 20, $"peak grew by {grownBytes} bytes");
    }
}
