using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Blocks;
using Xunit;

namespace ImageBackup.Tests.Unit.Blocks;

public sealed class ByteRangesTests
{
    /// <summary>Sorted, disjoint ranges of at least a byte, often one at the other's end.</summary>
    private static readonly Gen<List<ByteRange>> s_sorted = Gen.Select(Gen.Int[0, 3], Gen.Int[1, 4]).List[0, 12].Select(parts =>
    {
        var ranges = new List<ByteRange>();
        long end = 0;
        foreach ((int gap, int length) in parts)
        {
            ranges.Add(new ByteRange(end + gap, length));
            end += gap + length;
        }
        return ranges;
    });

    [Fact]
    public void Joined_ranges_hold_the_same_bytes_and_never_touch() => s_sorted.Sample(sorted =>
    {
        List<ByteRange> joined = ByteRanges.Join(sorted);
        Assert.Equal(Bytes(sorted), Bytes(joined));
        Assert.All(joined.Zip(joined.Skip(1)), pair => Assert.True(pair.First.EndBytes < pair.Second.OffsetBytes));
    });

    [Fact]
    public void Put_in_in_any_order_they_are_what_joining_gives() => Gen.Select(s_sorted, Gen.Int).Sample((sorted, seed) =>
    {
        var put = new List<ByteRange>();
        foreach (ByteRange range in sorted.OrderBy(r => (r.OffsetBytes + 1) * (seed | 1) % 97))
            put.InsertJoined(range);
        Assert.Equal(ByteRanges.Join(sorted), put);
    });

    [Fact]
    public void The_first_range_that_ends_behind_an_offset_is_found() => Gen.Select(s_sorted, Gen.Long[0, 90]).Sample((sorted, offset) =>
    {
        int expected = sorted.FindIndex(r => r.EndBytes > offset);
        Assert.Equal(expected < 0 ? sorted.Count : expected, sorted.FirstEndingAfter(offset));
    });

    private static List<long> Bytes(List<ByteRange> ranges) =>
        ranges.SelectMany(r => Enumerable.Range(0, (int)r.LengthBytes).Select(i => r.OffsetBytes + i)).ToList();
}
