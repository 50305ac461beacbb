using System;
using ImageBackup.Engine.Compat;
using ImageBackup.Tests.Kits;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Crypto;

public sealed class GmacTests
{
    /// <summary>The GCM specification's (McGrew and Viega, 2005) test case 13: AES-256, everything zero, nothing to encrypt or authenticate.</summary>
    [Fact]
    public void The_published_tag_of_nothing()
    {
        Assert.SkipUnless(Gmac.IsSupported, "no AES-GCM here");
        using var gmac = new Gmac(new byte[Gmac.KeySizeBytes]);
        byte[] tag = new byte[Gmac.TagSizeBytes];
        gmac.Compute([], tag);
        Assert.Equal("530f8afbc74536b9a963b4f1c4cb738b", Convert.ToHexStringLower(tag));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(1000)]
    [InlineData((1 << 20) + 3)]
    public void Another_implementation_agrees(int lengthBytes)
    {
        Assert.SkipUnless(Gmac.IsSupported, "no AES-GCM here");
        byte[] key = SeededBytes.Make(1, Gmac.KeySizeBytes), message = SeededBytes.Make(2, lengthBytes);
        var other = new GMac(new GcmBlockCipher(new AesEngine()), 128);
        other.Init(new ParametersWithIV(new KeyParameter(key), new byte[12]));
        other.BlockUpdate(message, 0, message.Length);
        byte[] expected = new byte[16], tag = new byte[16];
        other.DoFinal(expected, 0);
        using var gmac = new Gmac(key);
        gmac.Compute(message, tag);
        Assert.Equal(expected, tag);
        // The same again: the nonce is the same each time, as the comparison needs it.
        gmac.Compute(message, tag);
        Assert.Equal(expected, tag);
    }
}
