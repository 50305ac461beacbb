using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

public sealed class UsedRangeBuilderTests
{
    [Fact]
    public void EverythingIsUsedAtTheStart()
    {
        UsedRangeMap map = new UsedRangeBuilder(1000, 512).Build();
        Assert.Equal([new ByteRange(0, 1000)], map.Ranges);
        Assert.Equal(1000, map.UsedBytes);
    }

    [Fact]
    public void AVolumeThatIsAllFreeHasNoRange()
    {
        var builder = new UsedRangeBuilder(1024, 512);
        builder.Free(512, 512);
        builder.Free(0, 512);
        Assert.Empty(builder.Build().Ranges);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 1025)]
    [InlineData(1024, 1)]
    [InlineData(5, long.MaxValue)]
    [InlineData(long.MaxValue, long.MaxValue)]
    [InlineData(0, -1)]
    public void AFreeRunOutsideTheVolumeIsDamage(long offset, long length) =>
        Assert.Throws<FileSystemFormatException>(() => new UsedRangeBuilder(1024, 512).Free(offset, length));

    [Fact]
    public void SpaceThatIsFreeTwiceIsDamage()
    {
        var builder = new UsedRangeBuilder(1 << 20, 512);
        builder.Free(4096, 4096);
        builder.Free(0, 512);
        builder.Free(4096 + 512, 512);
        Assert.Throws<FileSystemFormatException>(() => builder.Build());
    }

    [Fact]
    public void BitmapAndRunsAgreeWithAPlainModel()
    {
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            int bits = random.Next(1, 700);
            int cluster = 1 << random.Next(0, 5);
            long lead = random.Next(0, 100);
            var bytes = new byte[(bits + 7) / 8 + random.Next(0, 3)];
            random.NextBytes(bytes);
            if (round % 3 == 0)
                for (int i = 0; i < bytes.Length; i++)
                    bytes[i] = (byte)(random.Next(4) == 0 ? bytes[i] : random.Next(2) * 255);
            // The last cluster may be cut by the volume's end.
            long length = lead + (long)bits * cluster - random.Next(0, cluster);
            var model = new bool[length];
            Array.Fill(model, true);
            long freeBits = 0;
            for (int bit = 0; bit < bits; bit++)
            {
                if ((bytes[bit / 8] >> (bit % 8) & 1) != 0)
                    continue;
                freeBits++;
                for (long at = lead + (long)bit * cluster; at < Math.Min(length, lead + (bit + 1L) * cluster); at++)
                    model[at] = false;
            }
            var builder = new UsedRangeBuilder(length, cluster);
            Assert.Equal(freeBits, builder.FreeByBitmap(bytes, lead, bits, cluster));
            Assert.Equal(model.LongCount(used => !used), builder.FreeBytes);
            for (int keep = random.Next(0, 4); keep > 0; keep--)
            {
                long at = random.Next(0, (int)length);
                long count = random.Next(0, 50);
                builder.Keep(at, count);
                for (long i = at; i < Math.Min(length, at + count); i++)
                    model[i] = true;
            }
            AssertSame(model, builder.Build());
        }
    }

    [Fact]
    public void MemoryIsBoundedAndForgottenRunsStayUsed()
    {
        var builder = new UsedRangeBuilder(1L << 30, 512, maxRunCount: 100);
        long position = 0;
        var freeRuns = new List<ByteRange>();
        var random = new Random(3);
        while (position < (1L << 30) - (1 << 16))
        {
            long length = 512L << random.Next(0, 6);
            builder.Free(position, length);
            freeRuns.Add(new ByteRange(position, length));
            position += length + 512;
        }
        UsedRangeMap map = builder.Build();
        Assert.Equal(freeRuns.Sum(run => run.LengthBytes), builder.FreeBytes);
        Assert.InRange(map.Ranges.Count, 1, 101);
        Assert.True(builder.MinimumRunBytes > 0);
        // What the map leaves out was reported free.
        var known = freeRuns.ToDictionary(run => run.OffsetBytes, run => run.LengthBytes);
        for (int i = 1; i < map.Ranges.Count; i++)
        {
            long gapStart = map.Ranges[i - 1].EndBytes;
            Assert.Equal(known[gapStart], map.Ranges[i].OffsetBytes - gapStart);
        }
    }

    [Fact]
    public void ABitmapThatIsTooShortIsDamage() =>
        Assert.Throws<FileSystemFormatException>(() => new UsedRangeBuilder(1 << 20, 512).FreeByBitmap(new byte[2], 0, 17, 512));

    private static void AssertSame(bool[] model, UsedRangeMap map)
    {
        var actual = new bool[model.Length];
        long usedBytes = 0;
        long previousEnd = -1;
        foreach (ByteRange range in map.Ranges)
        {
            Assert.True(range.LengthBytes > 0 && range.OffsetBytes > previousEnd);
            previousEnd = range.EndBytes;
            usedBytes += range.LengthBytes;
            Array.Fill(actual, true, (int)range.OffsetBytes, (int)range.LengthBytes);
        }
        Assert.Equal(usedBytes, map.UsedBytes);
        Assert.Equal(model, actual);
    }
}
