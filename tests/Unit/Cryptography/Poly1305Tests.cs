using System;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Cryptography;
using Org.BouncyCastle.Crypto.Parameters;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

public sealed class Poly1305Tests
{
    /// <summary>D. J. Bernstein, "The Poly1305-AES message-authentication code", appendix B: k, r, nonce, AES_k(nonce), message, tag.</summary>
    public static TheoryData<string, string, string, string, string, string> Bernstein => new()
    {
        { "ec074c835580741701425b623235add6", "851fc40c3467ac0be05cc20404f3f700", "fb447350c4e868c52ac3275cf9d4327e", "580b3b0f9447bb1e69d095b5928b6dbc", "f3f6", "f4c633c3044fc145f84f335cb81953de" },
        { "75deaa25c09f208e1dc4ce6b5cad3fbf", "a0f3080000f46400d0c7e9076c834403", "61ee09218d29b0aaed7e154a2c5509cc", "dd3fab2251f11ac759f0887129cc2ee7", "", "dd3fab2251f11ac759f0887129cc2ee7" },
        { "6acb5f61a7176dd320c5c1eb2edcdc74", "48443d0bb0d21109c89a100b5ce2c208", "ae212a55399729595dea458bc621ff0e", "83149c69b561dd88298a1798b10716ef", "663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136", "0ee1c16bb73f0f4fd19881753c01cdbe" },
        { "e1a5668a4d5b66a5f68cc5424ed5982d", "12976a08c4426d0ce8a82407c4f48207", "9ae831e743978d3a23527c7128149e3a", "80f8c20aa71202d1e29179cbcb555a57", "ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9", "5154ad0d2cb26e01274fc51148491f1b" },
    };

    /// <summary>RFC 8439, 2.5.2 and appendix A.3: r, s, message, tag. From #5 on: the edges of the reduction.</summary>
    public static TheoryData<string, string, string, string> Rfc8439 => new()
    {
        { "85d6be7857556d337f4452fe42d506a8", "0103808afb0db2fd4abff6af4149f51b", Hex("Cryptographic Forum Research Group"), "a8061dc1305136c6c22b8baf0c0127a9" },
        { Zeros(16), Zeros(16), Zeros(64), Zeros(16) },
        { Zeros(16), "36e5f6b5c5e06070f0efca96227a863e", Hex(IetfText), "36e5f6b5c5e06070f0efca96227a863e" },
        { "36e5f6b5c5e06070f0efca96227a863e", Zeros(16), Hex(IetfText), "f3477e7cd95417af89a6b8794c310cf0" },
        { "1c9240a5eb55d38af333888604f6b5f0", "473917c1402b80099dca5cbc207075c0", Hex("'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe."), "4541669a7eaaee61e708dc7cbcc5eb62" },
        { "02" + Zeros(15), Zeros(16), Ones(16), "03" + Zeros(15) },
        { "02" + Zeros(15), Ones(16), "02" + Zeros(15), "03" + Zeros(15) },
        { "01" + Zeros(15), Zeros(16), Ones(16) + "f0" + Ones(15) + "11" + Zeros(15), "05" + Zeros(15) },
        { "01" + Zeros(15), Zeros(16), Ones(16) + "fb" + Repeat("fe", 15) + Repeat("01", 16), Zeros(16) },
        { "02" + Zeros(15), Zeros(16), "fd" + Ones(15), "fa" + Ones(15) },
        { "01000000000000000400000000000000", Zeros(16), "e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001000000000000000000000000000000", "14000000000000005500000000000000" },
        { "01000000000000000400000000000000", Zeros(16), "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000", "13" + Zeros(15) },
    };

    private const string IetfText = "Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or RFC and any statement made within the context of an IETF activity is considered an \"IETF Contribution\". Such statements include oral statements in IETF sessions, as well as written and electronic communications made at any time or place, which are addressed to";

    [Theory]
    [MemberData(nameof(Bernstein))]
    public void Bernsteins_examples(string k, string r, string nonce, string encryptedNonce, string message, string tag)
    {
        using var aes = new AesBlocks(Convert.FromHexString(k));
        byte[] s = new byte[16];
        aes.EncryptBlock(Convert.FromHexString(nonce), s);
        Assert.Equal(encryptedNonce, Convert.ToHexStringLower(s));
        Assert.Equal(tag, Tag(Convert.FromHexString(message), Convert.FromHexString(r), s));
    }

    [Theory]
    [MemberData(nameof(Rfc8439))]
    public void The_RFCs_examples(string r, string s, string message, string tag) =>
        Assert.Equal(tag, Tag(Convert.FromHexString(message), Convert.FromHexString(r), Convert.FromHexString(s)));

    [Fact]
    public void Equals_the_reference_at_every_short_length()
    {
        byte[] key = ImageBackup.Tests.Kits.SeededBytes.Make(1, 32), message = ImageBackup.Tests.Kits.SeededBytes.Make(2, 400);
        for (int length = 0; length <= message.Length; length++)
            Assert.Equal(Reference(message.AsSpan(0, length).ToArray(), key), Tag(message.AsSpan(0, length), key.AsSpan(0, 16), key.AsSpan(16)));
    }

    [Fact]
    public void Equals_the_reference_on_anything() =>
        Gen.Select(Gen.Byte.Array[32], Gen.OneOf(Gen.Byte, Gen.Const((byte)0xff), Gen.Const((byte)0)).Array[0, 2000])
            .Sample((key, message) => Reference(message, key) == Tag(message, key.AsSpan(0, 16), key.AsSpan(16)), iter: 2_000);

    private static string Tag(ReadOnlySpan<byte> message, ReadOnlySpan<byte> r, ReadOnlySpan<byte> s)
    {
        byte[] tag = new byte[16];
        Poly1305.Compute(message, r, s, tag);
        return Convert.ToHexStringLower(tag);
    }

    private static string Reference(byte[] message, byte[] key)
    {
        var mac = new Org.BouncyCastle.Crypto.Macs.Poly1305();
        mac.Init(new KeyParameter(key));
        mac.BlockUpdate(message, 0, message.Length);
        byte[] tag = new byte[16];
        mac.DoFinal(tag, 0);
        return Convert.ToHexStringLower(tag);
    }

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.ASCII.GetBytes(text));

    private static string Zeros(int countBytes) => Repeat("00", countBytes);

    private static string Ones(int countBytes) => Repeat("ff", countBytes);

    private static string Repeat(string hex, int countBytes) => new StringBuilder().Insert(0, hex, countBytes).ToString();
}
