using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Cryptography.Vectorized;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

/// <summary>SHA-256 side by side against the published digests and the platform's.</summary>
public sealed class Sha256MultiBufferTests
{
    private const string NoLanes = "the processor has no AVX-512";

    /// <summary>FIPS 180-2, appendix B, and the empty message.</summary>
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_standards_examples(string message, string digest)
    {
        Assert.SkipUnless(Sha256MultiBuffer.IsSupported, NoLanes);
        byte[] digests = Hash([Encoding.ASCII.GetBytes(message)], message.Length);
        Assert.Equal(digest, Convert.ToHexStringLower(digests));
    }

    [Fact]
    public void A_million_times_a_among_others()
    {
        Assert.SkipUnless(Sha256MultiBuffer.IsSupported, NoLanes);
        byte[][] messages = Messages(Sha256MultiBuffer.LaneCount, 1_000_000);
        Array.Fill(messages[5], (byte)'a');
        byte[] digests = Hash(messages, 1_000_000);
        Assert.Equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", Convert.ToHexStringLower(digests.AsSpan(5 * 32, 32)));
    }

    /// <summary>Every length about the ends of blocks, where the padding goes into one block more.</summary>
    [Fact]
    public void Every_length_and_lane_as_the_platform_has_it()
    {
        Assert.SkipUnless(Sha256MultiBuffer.IsSupported, NoLanes);
        byte[][] messages = Messages(Sha256MultiBuffer.LaneCount, 300);
        for (int lengthBytes = 0; lengthBytes <= 300; lengthBytes++)
            Assert.Equal(messages.SelectMany(m => SHA256.HashData(m.AsSpan(0, lengthBytes))), Hash(messages, lengthBytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(7)]
    public void Fewer_messages_than_lanes(int count)
    {
        Assert.SkipUnless(Sha256MultiBuffer.IsSupported, NoLanes);
        byte[][] messages = Messages(count, 4097);
        Assert.Equal(messages.SelectMany(m => SHA256.HashData(m)), Hash(messages, 4097));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.SkipUnless(Sha256MultiBuffer.IsSupported, NoLanes);
        Assert.Throws<ArgumentOutOfRangeException>(() => Sha256MultiBuffer.Hash([], 0, new byte[512]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Sha256MultiBuffer.Hash(Messages(Sha256MultiBuffer.LaneCount + 1, 8), 8, new byte[512]));
        Assert.Throws<ArgumentException>(() => Sha256MultiBuffer.Hash(Messages(Sha256MultiBuffer.LaneCount, 8), 8, new byte[Sha256MultiBuffer.LaneCount * 32 - 1]));
        // A message that is shorter than it is said to be is not read past its end.
        byte[][] messages = Messages(Sha256MultiBuffer.LaneCount, 200);
        messages[7] = new byte[199];
        Assert.Throws<ArgumentOutOfRangeException>(() => Sha256MultiBuffer.Hash(messages, 200, new byte[512]));
        messages[7] = new byte[100];
        Assert.Throws<ArgumentOutOfRangeException>(() => Sha256MultiBuffer.Hash(messages, 192, new byte[512]));
    }

    /// <summary>Whatever the mixture of lengths and places, each content gets its own id.</summary>
    [Fact]
    public void Ids_of_any_mixture() => Gen.Select(Gen.Int[0, 3], Gen.Bool, Gen.Byte).Array[0, 40].Sample(contents =>
    {
        int[] lengths = [1000, 1000, 1000, 64];
        ArraySegment<byte>[] segments = contents.Select(c =>
        {
            (int length, bool isInside, byte value) = c;
            byte[] array = new byte[lengths[length] + (isInside && value % 4 == 0 ? 5 : 0)];
            Array.Fill(array, value);
            array[0] = 1;
            return new ArraySegment<byte>(array, array.Length - lengths[length], lengths[length]);
        }).ToArray();
        Assert.Equal(segments.Select(s => BlobId.Of(s)), BlobHasher.Of(segments));
    }, iter: 300);

    private static byte[][] Messages(int count, int lengthBytes) => Enumerable.Range(0, count).Select(i => SeededBytes.Make(i + 1, lengthBytes)).ToArray();

    private static byte[] Hash(byte[][] messages, int lengthBytes)
    {
        byte[] digests = new byte[messages.Length * 32];
        Sha256MultiBuffer.Hash(messages, lengthBytes, digests);
        return digests;
    }
}
