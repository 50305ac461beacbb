using System;
using System.Text;
using ImageBackup.Engine.Checksums;
using ImageBackup.Engine.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

public sealed class StructureTests
{
    private static readonly byte[] s_bytes = [1, 2, 3, 4, 5, 6, 7, 8];

    [Fact]
    public void FieldsHaveTheirByteOrder()
    {
        Assert.Equal(0x0302, LittleEndian.UInt16(s_bytes, 1));
        Assert.Equal(0x04030201u, LittleEndian.UInt32(s_bytes, 0));
        Assert.Equal(0x0807060504030201u, LittleEndian.UInt64(s_bytes, 0));
        Assert.Equal(0x0203, BigEndian.UInt16(s_bytes, 1));
        Assert.Equal(0x01020304u, BigEndian.UInt32(s_bytes, 0));
        Assert.Equal(0x0102030405060708u, BigEndian.UInt64(s_bytes, 0));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void AFieldOutsideIsDamage(int offset)
    {
        Assert.Throws<FileSystemFormatException>(() => LittleEndian.UInt64(s_bytes, offset));
        Assert.Throws<FileSystemFormatException>(() => BigEndian.UInt64(s_bytes, offset));
    }

    [Fact]
    public void AnAddressBeyond63BitsIsDamage() =>
        Assert.Throws<FileSystemFormatException>(() => LittleEndian.Int63([0, 0, 0, 0, 0, 0, 0, 0x80], 0));

    [Fact]
    public void Crc32CMatchesThePublishedVectors()
    {
        // RFC 3720 appendix B.4, and the check value of the CRC catalogue.
        Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        var ones = new byte[32];
        Array.Fill(ones, (byte)0xFF);
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(ones));
        var ascending = new byte[32];
        for (int i = 0; i < 32; i++)
            ascending[i] = (byte)i;
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(ascending));
    }

    [Fact]
    public void TextsEndAtTheirNul()
    {
        Assert.Equal("ab", VolumeStructures.Utf8Label([0x61, 0x62, 0, 0x63]));
        Assert.Null(VolumeStructures.Utf8Label([0, 0x63]));
        Assert.Equal("a", VolumeStructures.Utf16Label([0x61, 0, 0, 0, 0x62]));
        Assert.Equal("01020304-0506-0708-090a-0b0c0d0e0fa0",
            VolumeStructures.Uuid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xA0]));
    }
}
