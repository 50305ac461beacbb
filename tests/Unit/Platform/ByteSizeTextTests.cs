using ImageBackup.Engine.Platform;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform;

/// <summary>Sizes as people write them.</summary>
public sealed class ByteSizeTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1048576", 1048576)]
    [InlineData("1MB", 1048576)]
    [InlineData(" 1 mib ", 1048576)]
    [InlineData("512K", 524288)]
    [InlineData("1.5g", 1610612736)]
    [InlineData("8388607TB", 8388607L << 40)]
    public void A_size_is_read(string text, long bytes)
    {
        Assert.True(ByteSizeText.TryParse(text, out decimal read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("B B")]
    [InlineData("-1")]
    [InlineData("1,5MB")]
    [InlineData("1e3")]
    [InlineData("5%")]
    [InlineData("8388608TB")]
    [InlineData("999999999999999999TB")]
    [InlineData("1000000000000000000000")]
    public void What_is_none_is_refused(string text) => Assert.False(ByteSizeText.TryParse(text, out _));

    [Fact]
    public void A_part_of_a_byte_is_told_from_whole_bytes()
    {
        Assert.True(ByteSizeText.TryParse("0.3K", out decimal bytes));
        Assert.NotEqual(decimal.Truncate(bytes), bytes);
    }
}
