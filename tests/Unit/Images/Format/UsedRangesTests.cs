using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Images.Format;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Format;

public sealed class UsedRangesTests
{
    private const int VolumeBytes = 200;

    /// <summary>Any set of used bytes, as the ranges that a file system's reader gives.</summary>
    internal static readonly Gen<bool[]> Bitmap = Gen.OneOf(
        Gen.Bool.Array[VolumeBytes],
        Gen.Select(Gen.Int[0, VolumeBytes], Gen.Int[1, 60]).Array[0, 5].Select(runs =>
        {
            bool[] used = new bool[VolumeBytes];
            foreach ((int start, int length) in runs)
                Array.Fill(used, true, start, Math.Min(length, VolumeBytes - start));
            return used;
        }));

    [Fact]
    public void Merge_equals_the_gap_rule_byte_by_byte() => Gen.Select(Bitmap, Gen.Int[1, 40]).Sample((used, gap) =>
    {
        UsedRanges merged = UsedRanges.Merge(Ranges(used), VolumeBytes, gap);
        Assert.Equal(Model(used, gap), ToBitmap(merged));
        // Sorted, disjoint, not adjacent.
        for (int i = 1; i < merged.Count; i++)
            Assert.True(merged.Ranges[i].OffsetBytes > merged.Ranges[i - 1].EndBytes + gap);
    }, iter: 2_000);

    [Theory]
    [InlineData(10, 10, 1)] // a run of exactly the gap size is stored
    [InlineData(11, 10, 2)] // a longer one is not
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 2)]
    public void A_gap_is_kept_up_to_its_size(int unused, int gap, int rangeCount) =>
        Assert.Equal(rangeCount, UsedRanges.Merge([new(0, 5), new(5 + unused, 5)], VolumeBytes, gap).Count);

    [Fact]
    public void The_tail_is_dropped_however_short()
    {
        UsedRanges merged = UsedRanges.Merge([new ByteRange(0, VolumeBytes - 1)], VolumeBytes, 32 << 10);
        Assert.Equal([new ByteRange(0, VolumeBytes - 1)], merged.Ranges);
        Assert.False(merged.IsWhole);
    }

    [Fact]
    public void A_gap_size_of_0_stores_everything()
    {
        UsedRanges merged = UsedRanges.Merge([new ByteRange(5, 5)], VolumeBytes, 0);
        Assert.True(merged.IsWhole);
        Assert.Equal([new ByteRange(0, VolumeBytes)], merged.Ranges);
    }

    [Fact]
    public void Nothing_used_is_nothing_stored()
    {
        UsedRanges merged = UsedRanges.Merge([], VolumeBytes, 1);
        Assert.Equal((0, 0L), (merged.Count, merged.UsedBytes));
        Assert.Empty(merged.Within(new ByteRange(0, VolumeBytes)));
    }

    [Fact]
    public void Sizes_beyond_32_bits()
    {
        const long volume = 1L << 50;
        UsedRanges merged = UsedRanges.Merge([new(1L << 40, 1L << 39), new((1L << 40) + (1L << 39) + 4096, volume - (1L << 40) - (1L << 39) - 4096)], volume, 4096);
        Assert.Equal([new ByteRange(1L << 40, volume - (1L << 40))], merged.Ranges);
    }

    [Fact]
    public void Within_cuts_to_the_range() => Gen.Select(Bitmap, Gen.Int[0, VolumeBytes - 1], Gen.Int[1, VolumeBytes]).Sample((used, start, length) =>
    {
        int end = Math.Min(VolumeBytes, start + length);
        var ranges = new UsedRanges(Ranges(used), VolumeBytes);
        bool[] found = new bool[VolumeBytes];
        foreach (ByteRange part in ranges.Within(new ByteRange(start, end - start)))
        {
            Assert.True(part.LengthBytes > 0);
            Array.Fill(found, true, (int)part.OffsetBytes, (int)part.LengthBytes);
        }
        Assert.Equal(used.Select((u, i) => u && i >= start && i < end), found);
    }, iter: 1_000);

    [Fact]
    public void Ranges_that_are_no_plan_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(5, 5), new(0, 5)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(0, 5), new(4, 5)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(0, 0)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(0, -5)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(-5, 5)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(0, VolumeBytes + 1)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(VolumeBytes, 1)], VolumeBytes));
        Assert.Throws<ArgumentException>(() => new UsedRanges([new(1, long.MaxValue)], VolumeBytes));
    }

    internal static List<ByteRange> Ranges(bool[] used)
    {
        var ranges = new List<ByteRange>();
        for (int i = 0; i < used.Length; i++)
        {
            if (!used[i])
                continue;
            int start = i;
            while (i < used.Length && used[i])
                i++;
            ranges.Add(new ByteRange(start, i - start));
        }
        return ranges;
    }

    internal static bool[] ToBitmap(UsedRanges ranges)
    {
        bool[] used = new bool[ranges.VolumeBytes];
        foreach (ByteRange range in ranges.Ranges)
            Array.Fill(used, true, (int)range.OffsetBytes, (int)range.LengthBytes);
        return used;
    }

    /// <summary>The rule as TSM's manual says it: unused runs of up to the gap size are filled, the tail is not.</summary>
    private static bool[] Model(bool[] used, int gap)
    {
        bool[] stored = (bool[])used.Clone();
        for (int i = 0; i < used.Length; i++)
        {
            if (used[i] || i > 0 && !used[i - 1])
                continue;
            int end = i;
            while (end < used.Length && !used[end])
                end++;
            if (end < used.Length && end - i <= gap)
                Array.Fill(stored, true, i, end - i);
        }
        return stored;
    }
}
