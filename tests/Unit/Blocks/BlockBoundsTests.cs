using System;
using CsCheck;
using ImageBackup.Engine.Blocks;
using Xunit;

namespace ImageBackup.Tests.Unit.Blocks;

public class BlockBoundsTests
{
    [Theory]
    [InlineData(0, 10, 100, 10)]
    [InlineData(95, 10, 100, 5)]
    [InlineData(100, 10, 100, 0)]
    [InlineData(long.MaxValue, 10, 100, 0)]
    [InlineData(0, 10, 0, 0)]
    public void Reading_ends_where_the_volume_ends(long offset, int wanted, long length, int count) =>
        Assert.Equal(count, BlockBounds.ReadableCount(offset, wanted, length));

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(100, 1)]
    [InlineData(0, 101)]
    [InlineData(1, long.MaxValue)]
    [InlineData(0, -1)]
    public void Writing_outside_is_a_defect(long offset, long count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockBounds.RequireInside(offset, count, 100));

    [Fact]
    public void The_inner_part_is_the_largest_that_whole_units_cover() =>
        Gen.Select(Gen.Long[0, 100_000], Gen.Long[0, 50_000], Gen.Bool.Select(isLarge => isLarge ? 4096 : 512)).Sample((offset, length, unit) =>
        {
            ByteRange? inner = BlockBounds.InnerAligned(new ByteRange(offset, length), unit);
            bool Covered(long number) => number * unit >= offset && (number + 1) * unit <= offset + length;
            if (inner is not { } range)
            {
                for (long number = 0; number * unit < offset + length; number++)
                    Assert.False(Covered(number));
                return;
            }
            Assert.True(range.OffsetBytes % unit == 0 && range.LengthBytes % unit == 0);
            Assert.True(Covered(range.OffsetBytes / unit) && Covered((range.EndBytes / unit) - 1));
            Assert.False(Covered((range.OffsetBytes / unit) - 1) || Covered(range.EndBytes / unit));
        });

    [Fact]
    public void The_first_failure_sticks()
    {
        var failure = new FirstFailure();
        failure.ThrowIfFailed(0, 1);
        var first = new BlockWriteException(5, 1, "first") { IsSpaceExhausted = true };
        Assert.Same(first, failure.Record(first));
        failure.Record(new BlockWriteException(6, 1, "second"));
        var thrown = Assert.Throws<BlockWriteException>(() => failure.ThrowIfFailed(7, 1));
        Assert.Same(first, thrown.InnerException);
        Assert.True(thrown.IsSpaceExhausted);
        Assert.Equal(7, thrown.OffsetBytes);
    }
}
