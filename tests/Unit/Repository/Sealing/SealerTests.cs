using System;
using System.Collections.Generic;
using CsCheck;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Unit.Cryptography;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Sealing;

public sealed class SealerTests
{
    internal const string NistKey = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
    internal const string NistCounter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    internal const string NistPlain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    internal const string NistCiphertext = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(100_001)]
    [InlineData(1 << 20)]
    [InlineData((1 << 20) + 1)]
    [InlineData((3 << 20) + 17)]
    public void A_seal_is_proven_in_parts(int lengthBytes)
    {
        using MasterKey key = MasterKey.Generate();
        using var sealer = new Sealer(key);
        byte[] content = new byte[lengthBytes + Sealer.OverheadBytes];
        sealer.Seal(SeededBytes.Make(lengthBytes, lengthBytes), content);
        long expectedAt = 0;
        bool Proves() => sealer.Proves(content.Length, (offset, buffer, countBytes) =>
        {
            Assert.Equal(expectedAt, offset);
            expectedAt += countBytes;
            Array.Copy(content, offset, buffer, 0, countBytes);
        });
        Assert.True(Proves());
        Assert.Equal(content.Length, expectedAt);
        foreach (int at in new[] { 0, Sealer.IvSizeBytes, content.Length / 2, content.Length - 1 })
        {
            content[at] ^= 1;
            expectedAt = 0;
            Assert.False(Proves());
            content[at] ^= 1;
        }
        Assert.False(sealer.Proves(Sealer.OverheadBytes - 1, (_, _, _) => Assert.Fail("There is nothing to read.")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(Sealer.PartBytes)]
    [InlineData(Sealer.PartBytes + 1)]
    [InlineData(100_003)]
    public void What_is_sealed_in_parts_opens_whole(int lengthBytes)
    {
        using MasterKey key = MasterKey.Generate();
        using var sealer = new Sealer(key);
        byte[] plain = SeededBytes.Make(lengthBytes, lengthBytes);
        List<byte> content = [];
        using (var stream = new SealingStream(sealer, part => content.AddRange(part)))
        {
            for (int offset = 0; offset < lengthBytes; offset += 7001)
                stream.Write(plain, offset, Math.Min(7001, lengthBytes - offset));
            Assert.True(stream.End());
        }
        byte[] opened = new byte[lengthBytes];
        Assert.True(sealer.TryOpen(content.ToArray(), opened));
        Assert.Equal(plain, opened);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Sealer.PartBytes + 15)]
    [InlineData(2 * Sealer.PartBytes - 1)]
    public void A_part_that_changes_under_the_hands_is_noticed_at_the_end(int atByte)
    {
        using MasterKey key = MasterKey.Generate();
        using var sealer = new Sealer(key);
        int doneBytes = -Sealer.IvSizeBytes;
        using var stream = new SealingStream(sealer, part =>
        {
            if (doneBytes <= atByte && atByte < doneBytes + part.Count)
                part.Array![part.Offset + atByte - doneBytes] ^= 1;
            doneBytes += part.Count;
        });
        stream.Write(SeededBytes.Make(1, 3 * Sealer.PartBytes), 0, 3 * Sealer.PartBytes);
        Assert.False(stream.End());
    }

    [Fact]
    public void Opens_what_NIST_encrypted()
    {
        // NIST SP 800-38A, F.5.5 and F.5.6, CTR-AES256; its first increment carries already.
        using MasterKey key = Key(Convert.FromHexString(NistKey));
        using var sealer = new Sealer(key);
        byte[] plain = new byte[64];
        Assert.True(sealer.TryOpen(Tagged(key, Convert.FromHexString(NistCounter), Convert.FromHexString(NistCiphertext)), plain));
        Assert.Equal(NistPlain, Convert.ToHexStringLower(plain));
    }

    [Theory]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("0000000000000000fffffffffffffffe")]
    [InlineData("fffffffffffffffffffffffffffffffe")]
    [InlineData("ffffffffffffffffffffffffffffffff")]
    [InlineData("00000000fffffffffffffffffffffff0")]
    public void The_counter_is_the_whole_block_and_wraps_around(string iv)
    {
        using MasterKey key = Key(Convert.FromHexString(NistKey));
        using var sealer = new Sealer(key);
        byte[] ciphertext = SeededBytes.Make(3, 40_000), plain = new byte[40_000];
        Assert.True(sealer.TryOpen(Tagged(key, Convert.FromHexString(iv), ciphertext), plain));
        Assert.Equal(AesCounterModeTests.Reference(Convert.FromHexString(NistKey), Convert.FromHexString(iv), ciphertext), plain);
    }

    [Fact]
    public void Seals_as_the_reference_does_at_any_length()
    {
        using MasterKey key = Key(SeededBytes.Make(4, 32));
        using var sealer = new Sealer(key);
        Gen.OneOf(Gen.Int[0, 600], Gen.Int[16_300, 16_500], Gen.Int[32_700, 32_800]).Sample(length =>
        {
            byte[] plain = SeededBytes.Make(length, length), sealedBytes = new byte[length + 32];
            sealer.Seal(plain, sealedBytes);
            byte[] iv = sealedBytes.AsSpan(0, 16).ToArray();
            byte[] expected = Tagged(key, iv, AesCounterModeTests.Reference(key.Encryption, iv, plain));
            Assert.Equal(expected, sealedBytes);
            byte[] opened = new byte[length];
            Assert.True(sealer.TryOpen(sealedBytes, opened));
            Assert.Equal(plain, opened);
            Assert.True(sealer.Proves(sealedBytes, plain));
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void Every_flipped_bit_is_refused_and_nothing_is_given_out()
    {
        using MasterKey key = Key(SeededBytes.Make(5, 32));
        using var sealer = new Sealer(key);
        byte[] plain = SeededBytes.Make(6, 45), sealedBytes = new byte[plain.Length + Sealer.OverheadBytes];
        sealer.Seal(plain, sealedBytes);
        for (int bit = 0; bit < sealedBytes.Length * 8; bit++)
        {
            sealedBytes[bit / 8] ^= (byte)(1 << bit % 8);
            byte[] target = new byte[plain.Length];
            Assert.False(sealer.TryOpen(sealedBytes, target));
            Assert.All(target, b => Assert.Equal(0, b));
            Assert.False(sealer.Proves(sealedBytes, plain));
            sealedBytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
        Assert.True(sealer.Proves(sealedBytes, plain));
    }

    [Fact]
    public void A_good_seal_over_other_content_is_no_proof()
    {
        using MasterKey key = Key(SeededBytes.Make(5, 32));
        using var sealer = new Sealer(key);
        byte[] plain = SeededBytes.Make(7, 50_000), sealedBytes = new byte[plain.Length + Sealer.OverheadBytes];
        sealer.Seal(plain, sealedBytes);
        foreach (int at in new[] { 0, 16_383, 16_384, 49_999 })
        {
            plain[at] ^= 1;
            Assert.False(sealer.Proves(sealedBytes, plain));
            plain[at] ^= 1;
        }
        Assert.False(sealer.Proves(sealedBytes, plain.AsSpan(1)));
    }

    [Fact]
    public void Too_short_or_the_wrong_room_is_refused()
    {
        using MasterKey key = Key(SeededBytes.Make(5, 32));
        using var sealer = new Sealer(key);
        byte[] sealedBytes = new byte[40];
        sealer.Seal(new byte[8], sealedBytes);
        for (int length = 0; length < 40; length++)
            Assert.False(sealer.TryOpen(sealedBytes.AsSpan(0, length), new byte[Math.Max(0, length - 32)]));
        Assert.False(sealer.TryOpen(sealedBytes, new byte[9]));
        Assert.False(sealer.TryOpen(sealedBytes, new byte[7]));
        Assert.Throws<ArgumentException>(() => sealer.Seal(new byte[8], new byte[39]));
    }

    [Fact]
    public void The_same_content_never_seals_the_same()
    {
        using var pool = new SealerPool(Key(SeededBytes.Make(5, 32)));
        var seen = new HashSet<string>();
        for (int i = 0; i < 1000; i++)
            Assert.True(seen.Add(Convert.ToHexString(pool.Seal(new byte[16]).AsSpan(0, 16))));
    }

    [Fact]
    public void Another_key_opens_nothing()
    {
        using var one = new SealerPool(MasterKey.Generate());
        using var other = new SealerPool(MasterKey.Generate());
        byte[] sealedBytes = one.Seal([1, 2, 3]);
        Assert.Equal([1, 2, 3], one.Open(sealedBytes));
        Assert.Null(other.Open(sealedBytes));
        Assert.Null(one.Open([]));
    }

    [Fact]
    public void Fixed_time_comparison_compares()
    {
        byte[] a = SeededBytes.Make(8, 16);
        Assert.True(Sealer.FixedTimeEquals(a, (byte[])a.Clone()));
        Assert.True(Sealer.FixedTimeEquals([], []));
        Assert.False(Sealer.FixedTimeEquals(a, a.AsSpan(1)));
        for (int bit = 0; bit < 128; bit++)
        {
            byte[] b = (byte[])a.Clone();
            b[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(Sealer.FixedTimeEquals(a, b));
        }
    }

    [Fact]
    public void Keys_are_zeroed_when_disposed()
    {
        var key = MasterKey.Generate();
        Assert.Contains(key.Encryption, b => b != 0);
        key.Dispose();
        Assert.All(key.Encryption, b => Assert.Equal(0, b));
        Assert.All(key.MacK, b => Assert.Equal(0, b));
        Assert.All(key.MacR, b => Assert.Equal(0, b));
    }

    private static MasterKey Key(byte[] encryption) => new(encryption, SeededBytes.Make(20, 16), SeededBytes.Make(21, 16));

    private static byte[] Tagged(MasterKey key, byte[] iv, byte[] ciphertext)
    {
        using var aes = new AesBlocks(key.MacK);
        byte[] s = new byte[16], tag = new byte[16];
        aes.EncryptBlock(iv, s);
        Poly1305.Compute(ciphertext, key.MacR, s, tag);
        return [.. iv, .. ciphertext, .. tag];
    }
}
