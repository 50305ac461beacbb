using System;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Tests.Kits;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

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

    /// <summary>By wide vectors and by the platform: about the ends of blocks and of steps.</summary>
    [Fact]
    public void Both_ways_agree()
    {
        Assert.SkipUnless(Gmac.IsSupported, "no AES-GCM here");
        byte[] key = SeededBytes.Make(3, Gmac.KeySizeBytes), message = SeededBytes.Make(4, 1100);
        using Gmac gmac = new(key), platform = new(key, byPlatform: true);
        byte[] tag = new byte[16], expected = new byte[16];
        for (int lengthBytes = 0; lengthBytes <= message.Length; lengthBytes++)
        {
            gmac.Compute(message.AsSpan(0, lengthBytes), tag);
            platform.Compute(message.AsSpan(0, lengthBytes), expected);
            Assert.Equal(expected, tag);
        }
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
