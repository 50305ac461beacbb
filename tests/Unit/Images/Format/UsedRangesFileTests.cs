using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Images.Format;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Format;

public sealed class UsedRangesFileTests
{
    [Fact]
    public void Round_trip() => Gen.Select(Gen.Select(Gen.Long[0, 1L << 40], Gen.Long[1, 1L << 40]).Array[0, 40], Gen.Long[0, 1L << 40], Gen.OneOf(Gen.Const(1L), Gen.Const(512L), Gen.Const(4096L)))
        .Sample((runs, tail, unit) =>
        {
            var ranges = new List<ByteRange>();
            long end = 0;
            foreach ((long gap, long length) in runs)
            {
                ranges.Add(new ByteRange(end + gap * unit, length * unit));
                end += (gap + length) * unit;
            }
            var used = new UsedRanges(ranges, end + tail + 1);
            UsedRanges read = UsedRangesFile.Read(UsedRangesFile.Write(used));
            Assert.Equal(used.VolumeBytes, read.VolumeBytes);
            Assert.Equal(used.Ranges, read.Ranges);
        }, iter: 500);

    /// <summary>The layout that src/FORMAT.md documents, byte for byte.</summary>
    [Fact]
    public void The_layout_is_the_documents()
    {
        var used = new UsedRanges([new(0, 512), new(1024, 512 * 300)], 1 << 20);
        Assert.Equal([.. "IBRANGE1"u8, 0, 2, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xac, 0x02], UsedRangesFile.Write(used));
        var odd = new UsedRanges([new(1, 2)], 3);
        Assert.Equal([.. "IBRANGE1"u8, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2], UsedRangesFile.Write(odd));
    }

    [Fact]
    public void Counts_are_bounded_by_the_bytes_that_are_there()
    {
        byte[] file = UsedRangesFile.Write(new UsedRanges([new(0, 512)], 1 << 20));
        foreach (long count in new[] { -1, 2, int.MaxValue, long.MaxValue, long.MinValue })
        {
            BitConverter.TryWriteBytes(file.AsSpan(20), count);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<FormatException>(() => UsedRangesFile.Read(file));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        }
    }

    [Fact]
    public void Ranges_outside_the_volume_are_refused()
    {
        byte[] Header(long volume, int count) => [.. "IBRANGE1"u8, 1, 0, 0, 0, .. BitConverter.GetBytes(volume), .. BitConverter.GetBytes((long)count)];
        Assert.Equal(10, UsedRangesFile.Read((byte[])[.. Header(10, 1), 0, 10]).UsedBytes);
        byte[][] bad =
        [
            [.. Header(10, 1), 0, 11],
            [.. Header(10, 1), 11, 1],
            [.. Header(10, 1), 10, 1],
            [.. Header(10, 1), 5, 0],
            [.. Header(10, 2), 0, 5, 0, 6],
            [.. Header(0, 0)],
            [.. Header(-1, 0)],
            [.. Header(10, 1), 0],
            [.. Header(10, 1), 0, 0x85],
            [.. Header(10, 1), 0, .. Enumerable.Repeat((byte)0xff, 12)],
            [.. Header(long.MaxValue, 1), 0, .. Enumerable.Repeat((byte)0xff, 9), 1],
            [.. Header(10, 1), 0, 10, 0],
        ];
        foreach (byte[] file in bad)
            Assert.Throws<FormatException>(() => UsedRangesFile.Read(file));
        byte[] unit = [.. Header(1024, 1), 0, 1];
        unit[8] = 3;
        Assert.Throws<FormatException>(() => UsedRangesFile.Read(unit));
    }
}
