using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Compat;

/// <summary>
/// GMAC (NIST SP 800-38D) of a message under a secret key and the nonce zero: GHASH, blinded by a constant. Used as a universal
/// hash whose results stay secret, never as an authenticator (which would need a fresh nonce each time): two different
/// messages of n blocks of 16 bytes, chosen without knowing the key, have the same result with a probability of n / 2^128.
/// Four times as fast as SHA-256 where the processor multiplies without carry.
/// </summary>
/// <remarks>By the platform's own AES-GCM. Not thread-safe. netstandard2.0 has none: <see cref="IsSupported"/> is false.</remarks>
internal sealed class Gmac : IDisposable
{
    public const int KeySizeBytes = 32;
    public const int TagSizeBytes = 16;

#if NET
    private static readonly byte[] s_nonce = new byte[12];
    private readonly AesGcm _cipher;

    public Gmac(ReadOnlySpan<byte> key) => _cipher = new AesGcm(key, TagSizeBytes);

    public static bool IsSupported => AesGcm.IsSupported;

    /// <summary>The 16 bytes of a message's tag.</summary>
    public void Compute(ReadOnlySpan<byte> message, Span<byte> tag) => _cipher.Encrypt(s_nonce, ReadOnlySpan<byte>.Empty, Span<byte>.Empty, tag, message);

    public void Dispose() => _cipher.Dispose();
#else
    private readonly int _keySizeBytes;

    public Gmac(ReadOnlySpan<byte> key) => _keySizeBytes = IsSupported ? key.Length : throw new PlatformNotSupportedException();

    public static bool IsSupported => false;

    public void Compute(ReadOnlySpan<byte> message, Span<byte> tag) => throw new PlatformNotSupportedException($"A key of {_keySizeBytes} bytes.");

    public void Dispose()
    {
    }
#endif
}
