using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;
using Xunit;

namespace ImageBackup.Tests.Unit.Blocks;

public sealed class RangeSubtractionTests
{
    [Theory]
    [InlineData("0-10", "", "0-10")]
    [InlineData("0-10", "10-20", "0-10")]
    [InlineData("5-10", "0-5", "5-10")]
    [InlineData("0-10", "0-10", "")]
    [InlineData("0-10", "0-3", "3-10")]
    [InlineData("0-10", "7-10", "0-7")]
    [InlineData("0-10", "3-7", "0-3 7-10")]
    [InlineData("0-10", "3-4 6-7", "0-3 4-6 7-10")]
    [InlineData("0-10", "6-7 3-4", "0-3 4-6 7-10")]
    [InlineData("0-10 20-30", "5-25", "0-5 25-30")]
    [InlineData("0-10 20-30 40-50", "5-45", "0-5 45-50")]
    [InlineData("0-10 20-30 40-50", "5-45 6-7 22-23 41-44", "0-5 45-50")]
    [InlineData("0-10 20-30", "10-20", "0-10 20-30")]
    [InlineData("20-30", "0-5 8-12 29-99", "20-29")]
    [InlineData("", "0-5", "")]
    public void What_is_left(string ranges, string removed, string expected) =>
        Assert.Equal(expected, Text(RangeSubtraction.Subtract(Parse(ranges), Parse(removed))));

    /// <summary>Against a bit for each byte.</summary>
    [Fact]
    public void Any_ranges_agree_with_the_plain_way()
    {
        var random = new Random(7);
        for (int run = 0; run < 2000; run++)
        {
            List<ByteRange> ranges = [];
            for (int at = random.Next(5); at < 60; at += random.Next(1, 8))
            {
                int length = random.Next(1, 9);
                ranges.Add(new ByteRange(at, length));
                at += length;
            }
            List<ByteRange> removed = [.. Enumerable.Range(0, random.Next(6)).Select(_ => new ByteRange(random.Next(70), random.Next(1, 20)))];
            int[] plain = [.. Bytes(ranges).Except(Bytes(removed))];
            IReadOnlyList<ByteRange> rest = RangeSubtraction.Subtract(ranges, removed);
            Assert.Equal(plain, Bytes(rest));
            // Fit for what takes ranges: sorted, disjoint, not empty.
            Assert.Equal(plain.Length, new UsedRanges(rest, 100).UsedBytes);
        }
    }

    private static IEnumerable<int> Bytes(IEnumerable<ByteRange> ranges) =>
        ranges.SelectMany(r => Enumerable.Range((int)r.OffsetBytes, (int)r.LengthBytes)).Distinct();

    private static List<ByteRange> Parse(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('-')).Select(p => new ByteRange(long.Parse(p[0]), long.Parse(p[1]) - long.Parse(p[0])))];

    private static string Text(IEnumerable<ByteRange> ranges) => string.Join(' ', ranges.Select(r => $"{r.OffsetBytes}-{r.EndBytes}"));
}
