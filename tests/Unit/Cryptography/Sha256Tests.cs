using System;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

public sealed class Sha256Tests
{
    /// <summary>FIPS 180-2, appendix B, and the empty message.</summary>
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_standards_examples(string message, string digest) => Assert.Equal(digest, BlobId.Of(Encoding.ASCII.GetBytes(message)).ToString());

    [Fact]
    public void A_million_times_a()
    {
        byte[] message = new byte[1_000_000];
        Array.Fill(message, (byte)'a');
        Assert.Equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", BlobId.Of(message).ToString());
    }

    [Fact]
    public void In_pieces_as_in_one() => Gen.Byte.Array[0, 500].Array[0, 8].Sample(pieces =>
    {
        using var hash = new Sha256();
        using var whole = new System.IO.MemoryStream();
        foreach (byte[] piece in pieces)
        {
            hash.Append(piece);
            whole.Write(piece);
        }
        byte[] digest = new byte[32];
        hash.Finish(digest);
        Assert.Equal(BlobId.Of(whole.ToArray()), new BlobId(digest));
        // And the next one starts anew.
        hash.Finish(digest);
        Assert.Equal(BlobId.Of([]), new BlobId(digest));
    }, iter: 200);

    [Fact]
    public void Ids_are_text_and_back() => Gen.Byte.Array[32].Sample(bytes =>
    {
        var id = new BlobId(bytes);
        string text = id.ToString();
        Assert.Equal(Convert.ToHexStringLower(bytes), text);
        Assert.True(BlobId.TryParse(text, out BlobId parsed));
        Assert.Equal(id, parsed);
        Assert.True(BlobId.TryParse(text.ToUpperInvariant(), out parsed));
        Assert.Equal(id, parsed);
        byte[] copy = new byte[32];
        id.CopyTo(copy);
        Assert.Equal(bytes, copy);
    }, iter: 200);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a")]
    [InlineData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adf")]
    [InlineData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag")]
    [InlineData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015é9")]
    public void Other_text_is_no_id(string? text) => Assert.False(BlobId.TryParse(text, out _));
}
