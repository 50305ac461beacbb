using System;
using CsCheck;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Cryptography.Vectorized;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Unit.Repository.Sealing;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

public sealed class AesCounterModeTests
{
    private const string NoRounds = "This processor, or this framework, has no AES of its own.";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Is_what_NIST_says(bool byPlatform)
    {
        // SP 800-38A, F.5.5.
        using var cipher = new AesCounterMode(Convert.FromHexString(SealerTests.NistKey), byPlatform);
        byte[] plain = Convert.FromHexString(SealerTests.NistPlain);
        byte[] made = new byte[plain.Length];
        var counter = new BlockCounter(Convert.FromHexString(SealerTests.NistCounter));
        cipher.Apply(ref counter, plain, made);
        Assert.Equal(SealerTests.NistCiphertext, Convert.ToHexStringLower(made));
    }

    [Fact]
    public void One_block_is_what_FIPS_197_says()
    {
        Assert.SkipUnless(AesNi.IsSupported, NoRounds);
        // C.3.
        using var rounds = new AesNi(Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
        byte[] block = Convert.FromHexString("00112233445566778899aabbccddeeff");
        rounds.EncryptBlock(block, block);
        Assert.Equal("8ea2b7ca516745bfeafc49904b496089", Convert.ToHexStringLower(block));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_key_any_counter_any_length(bool byPlatform) =>
        Gen.Select(Gen.Byte.Array[32], Counters, Gen.OneOf(Gen.Int[0, 600], Gen.Int[16_300, 16_500], Gen.Int[65_400, 65_600])).Sample((key, iv, lengthBytes) =>
        {
            byte[] source = SeededBytes.Make(lengthBytes, lengthBytes), made = new byte[lengthBytes];
            using var cipher = new AesCounterMode(key, byPlatform);
            var counter = new BlockCounter(iv);
            cipher.Apply(ref counter, source, made);
            Assert.Equal(Reference(key, iv, source), made);
            // And in place, back again.
            counter = new BlockCounter(iv);
            cipher.Apply(ref counter, made, made);
            Assert.Equal(source, made);
        }, iter: 300);

    /// <summary>Parts of whole blocks give what the whole gives: the counter goes on where it was.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_message_in_parts(bool byPlatform) =>
        Gen.Select(Counters, Gen.Int[0, 40].Array[1, 8], Gen.Int[0, 15]).Sample((iv, blockCounts, endBytes) =>
        {
            int lengthBytes = endBytes;
            foreach (int blockCount in blockCounts)
                lengthBytes += blockCount * 16;
            byte[] key = SeededBytes.Make(1, 32), source = SeededBytes.Make(2, lengthBytes), made = new byte[lengthBytes];
            using var cipher = new AesCounterMode(key, byPlatform);
            var counter = new BlockCounter(iv);
            int offset = 0;
            foreach (int blockCount in blockCounts)
            {
                cipher.Apply(ref counter, source.AsSpan(offset, blockCount * 16), made.AsSpan(offset, blockCount * 16));
                offset += blockCount * 16;
            }
            cipher.Apply(ref counter, source.AsSpan(offset), made.AsSpan(offset));
            Assert.Equal(Reference(key, iv, source), made);
        }, iter: 300);

    /// <summary>Anything, and what is about to carry from one word into the other or around.</summary>
    private static Gen<byte[]> Counters => Gen.OneOf(
        Gen.Byte.Array[16],
        Gen.Select(Gen.ULong, Gen.Int[0, 40], (high, back) => Bytes(high, ulong.MaxValue - (ulong)back)),
        Gen.Int[0, 40].Select(back => Bytes(ulong.MaxValue, ulong.MaxValue - (ulong)back)));

    private static byte[] Bytes(ulong high, ulong low) => Convert.FromHexString($"{high:x16}{low:x16}");

    /// <summary>BouncyCastle's.</summary>
    internal static byte[] Reference(byte[] key, byte[] iv, byte[] source)
    {
        IBufferedCipher cipher = CipherUtilities.GetCipher("AES/CTR/NoPadding");
        cipher.Init(true, new ParametersWithIV(new KeyParameter(key), iv));
        return cipher.DoFinal(source);
    }
}
