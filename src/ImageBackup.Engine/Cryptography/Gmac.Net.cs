using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using ImageBackup.Engine.Cryptography.Vectorized;

namespace ImageBackup.Engine.Cryptography;

internal sealed partial class Gmac
{
    private static readonly byte[] s_nonce = new byte[12];
    private readonly AesGcm? _cipher;
    private readonly GhashVectorized? _lanes;
    private readonly byte[] _blind = new byte[TagSizeBytes];

    /// <param name="key">32 bytes.</param>
    /// <param name="byPlatform">The platform's whatever the processor can: for comparing.</param>
    public Gmac(ReadOnlySpan<byte> key, bool byPlatform = false)
    {
        if (byPlatform || !GhashVectorized.IsSupported)
        {
            _cipher = new AesGcm(key, TagSizeBytes);
            return;
        }
        byte[] copy = key.ToArray();
        using var cipher = new AesBlocks(copy);
        Array.Clear(copy);
        Span<byte> block = stackalloc byte[TagSizeBytes], h = stackalloc byte[TagSizeBytes];
        block.Clear();
        cipher.EncryptBlock(block, h);
        _lanes = new GhashVectorized(h);
        // The first counter of the nonce zero (SP 800-38D, 7.1, step 2).
        block[TagSizeBytes - 1] = 1;
        cipher.EncryptBlock(block, _blind);
    }

    public static bool IsSupported => GhashVectorized.IsSupported || AesGcm.IsSupported;

    /// <summary>The 16 bytes of a message's tag.</summary>
    public void Compute(ReadOnlySpan<byte> message, Span<byte> tag)
    {
        if (_lanes is null)
        {
            _cipher!.Encrypt(s_nonce, ReadOnlySpan<byte>.Empty, Span<byte>.Empty, tag, message);
            return;
        }
        Span<byte> lengths = stackalloc byte[TagSizeBytes];
        lengths.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(lengths, (ulong)message.Length * 8);
        _lanes.Compute(message, lengths, tag);
        for (int i = 0; i < TagSizeBytes; i++)
            tag[i] ^= _blind[i];
    }

    public void Dispose() => _cipher?.Dispose();
}
