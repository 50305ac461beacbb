using System.Text;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.Ext;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>Published check values.</summary>
public sealed class ChecksumTests
{
    [Fact]
    public void Crc16OfTheCheckString() =>
        // CRC-16/MODBUS in the catalogue of parametrised CRC algorithms: same polynomial and start.
        Assert.Equal(0x4B37, Crc16.Update(ushort.MaxValue, Encoding.ASCII.GetBytes("123456789")));

    [Theory]
    [InlineData("", 0xEF46DB3751D8E999)]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("abc", 0x44BC2CF5AD770999)]
    [InlineData("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1)]
    public void XxHash64OfKnownTexts(string text, ulong expected) => Assert.Equal(expected, XxHash64.Compute(Encoding.ASCII.GetBytes(text)));
}
