using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Policy;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class GapSizeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("32", 32)]
    [InlineData("32k", 32)]
    [InlineData("10K", 10)]
    [InlineData("1m", 1024)]
    [InlineData("3G", 3 * 1024 * 1024)]
    [InlineData("4294967295", 4294967295)]
    [InlineData("4095g", 4095L * 1024 * 1024)]
    public void Reads_what_the_original_takes(string text, long kibibytes)
    {
        Assert.True(GapSize.TryParse(text, out var gap));
        Assert.Equal(kibibytes, gap.Kibibytes);
        Assert.Equal(kibibytes * 1024, gap.Bytes);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 k")]
    [InlineData("1kb")]
    [InlineData("1.5m")]
    [InlineData("4294967296")]
    [InlineData("4096g")]
    [InlineData("99999999999999999999999999")]
    [InlineData("٣")]
    public void Refuses_the_rest(string? text)
    {
        Assert.False(GapSize.TryParse(text, out _));
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => GapSize.Parse(text)).Id);
    }

    [Fact]
    public void Default_is_32_KB() => Assert.Equal(GapSize.Parse("32k"), GapSize.Default);

    // "if you specify a gap size of 10, an empty region larger than 10 KB is not backed up; exactly 10 KB is."
    [Theory]
    [InlineData("10", 10 * 1024, false, true)]
    [InlineData("10", (10 * 1024) + 1, false, false)]
    [InlineData("10", 1, true, false)]
    [InlineData("0", 1L << 50, true, true)]
    [InlineData("0", 1L << 50, false, true)]
    public void A_run_is_stored_as_the_original_says(string gap, long runBytes, bool isTail, bool stored) =>
        Assert.Equal(stored, GapSize.Parse(gap).Stores(runBytes, isTail));

    [Fact]
    public void Text_reads_back_as_the_same_gap() =>
        Gen.Long[0, GapSize.MaximumKibibytes].Select(GapSize.FromKibibytes)
            .Sample(gap => GapSize.TryParse(gap.ToString(), out var again) && again == gap);

    [Fact]
    public void Cover_equals_a_map_unit_by_unit()
    {
        const int unitBytes = 1024;
        var volumes = Gen.Select(Gen.Int[1, 200], Gen.Int[0, 12], Gen.Int[0, 1 << 30]);
        volumes.Sample((unitCount, gapUnits, seed) =>
        {
            var random = new Random(seed);
            var used = new bool[unitCount];
            var density = random.NextDouble();
            for (var i = 0; i < unitCount; i++)
                used[i] = random.NextDouble() < density;
            var volumeBytes = unitCount * (long)unitBytes;

            // The map: every used unit, and unused runs inside by their length.
            var expected = (bool[])used.Clone();
            for (var start = 0; start < unitCount;)
            {
                if (used[start])
                {
                    start++;
                    continue;
                }

                var end = start;
                while (end < unitCount && !used[end])
                    end++;
                var stored = gapUnits == 0 || (end < unitCount && end - start <= gapUnits);
                for (var i = start; i < end; i++)
                    expected[i] = stored;
                start = end;
            }

            var covered = GapSize.FromKibibytes(gapUnits).Cover(Ranges(used, unitBytes), volumeBytes);
            var actual = new bool[unitCount];
            long last = -1;
            foreach (var range in covered)
            {
                Assert.True(range.OffsetBytes > last && range.LengthBytes > 0 && range.EndBytes <= volumeBytes);
                last = range.EndBytes;
                for (var i = range.OffsetBytes / unitBytes; i < range.EndBytes / unitBytes; i++)
                    actual[i] = true;
            }

            Assert.Equal(expected, actual);
        });
    }

    [Fact]
    public void Cover_refuses_ranges_that_overlap_or_leave_the_volume()
    {
        Assert.Throws<ArgumentException>(() => GapSize.Default.Cover([new ByteRange(0, 10), new ByteRange(5, 10)], 100));
        Assert.Throws<ArgumentException>(() => GapSize.Default.Cover([new ByteRange(90, 11)], 100));
        Assert.Throws<ArgumentException>(() => GapSize.Default.Cover([new ByteRange(long.MaxValue - 1, long.MaxValue)], 100));
    }

    private static IEnumerable<ByteRange> Ranges(bool[] used, int unitBytes) =>
        Enumerable.Range(0, used.Length).Where(i => used[i]).Select(i => new ByteRange(i * (long)unitBytes, unitBytes));
}
