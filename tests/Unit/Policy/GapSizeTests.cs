using CsCheck;
using ImageBackup.Engine.Policy.Options;
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
}
