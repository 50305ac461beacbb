using ImageBackup.Engine.Policy.Options;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class ChunkSizeTests
{
    [Theory]
    [InlineData("65536", "64k")]
    [InlineData("64k", "64k")]
    [InlineData("512KB", "512k")]
    [InlineData("1024K", "1m")]
    [InlineData("1MiB", "1m")]
    [InlineData("4m", "4m")]
    public void Reads_bytes_and_units_and_writes_the_shortest(string text, string written)
    {
        Assert.True(ChunkSize.TryParse(text, out ChunkSize size));
        Assert.Equal(written, size.ToString());
        Assert.Equal(size, ChunkSize.Parse(written));
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("b")]
    [InlineData("0")]
    [InlineData("32k")]
    [InlineData("8m")]
    [InlineData("100k")]
    [InlineData("1g")]
    [InlineData("-64k")]
    [InlineData("64 k")]
    [InlineData("99999999999999999999")]
    public void Refuses_what_is_not_one(string text)
    {
        Assert.False(ChunkSize.TryParse(text, out _));
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => ChunkSize.Parse(text)).Id);
    }
}
