using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Repository.Crypto;

/// <summary>
/// Seals and opens what a repository stores: IV ‖ AES-256-CTR ciphertext ‖ Poly1305-AES tag over the ciphertext
/// (restic design.rst, "Keys, Encryption and MAC"). The IV is fresh from the system's generator each time.
/// </summary>
/// <remarks>Not thread-safe: one a thread, from <see cref="SealerPool"/>.</remarks>
internal sealed class Sealer : IDisposable
{
    public const int IvSizeBytes = 16;
    public const int OverheadBytes = IvSizeBytes + Poly1305.TagSizeBytes;
    private const int KeyStreamBytes = 16 * 1024;

    private readonly AesBlocks _cipher;
    private readonly AesBlocks _macCipher;
    private readonly byte[] _macR;
    private readonly byte[] _counters = new byte[KeyStreamBytes];
    private readonly byte[] _keyStream = new byte[KeyStreamBytes];

    public Sealer(MasterKey key)
    {
        _cipher = new AesBlocks(key.Encryption);
        _macCipher = new AesBlocks(key.MacK);
        _macR = (byte[])key.MacR.Clone();
    }

    /// <summary>Seals into <paramref name="target"/>, which is <see cref="OverheadBytes"/> longer. Must not overlap.</summary>
    public void Seal(ReadOnlySpan<byte> plain, Span<byte> target)
    {
        if (target.Length != plain.Length + OverheadBytes)
            throw new ArgumentException("The target must be 32 bytes longer than the plaintext.", nameof(target));
        Span<byte> iv = target.Slice(0, IvSizeBytes);
        SystemRandom.Fill(iv);
        Span<byte> ciphertext = target.Slice(IvSizeBytes, plain.Length);
        ApplyKeyStream(iv, plain, ciphertext);
        ComputeTag(iv, ciphertext, target.Slice(IvSizeBytes + plain.Length));
    }

    /// <summary>
    /// Opens into <paramref name="target"/>, which is <see cref="OverheadBytes"/> shorter. Returns false, with the
    /// target untouched, where the tag does not match or there is no room for one.
    /// </summary>
    public bool TryOpen(ReadOnlySpan<byte> sealedBytes, Span<byte> target)
    {
        if (sealedBytes.Length < OverheadBytes || target.Length != sealedBytes.Length - OverheadBytes)
            return false;
        ReadOnlySpan<byte> iv = sealedBytes.Slice(0, IvSizeBytes);
        ReadOnlySpan<byte> ciphertext = sealedBytes.Slice(IvSizeBytes, target.Length);
        Span<byte> tag = stackalloc byte[Poly1305.TagSizeBytes];
        ComputeTag(iv, ciphertext, tag);
        if (!FixedTimeEquals(tag, sealedBytes.Slice(IvSizeBytes + target.Length)))
            return false;
        ApplyKeyStream(iv, ciphertext, target);
        return true;
    }

    /// <summary>
    /// Proves that a sealed blob opens to <paramref name="plain"/> again: the tag is computed anew and the ciphertext
    /// decrypted block by block and compared. Needs no buffer of the blob's size.
    /// </summary>
    public bool Proves(ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> plain)
    {
        if (sealedBytes.Length != plain.Length + OverheadBytes)
            return false;
        ReadOnlySpan<byte> iv = sealedBytes.Slice(0, IvSizeBytes);
        ReadOnlySpan<byte> ciphertext = sealedBytes.Slice(IvSizeBytes, plain.Length);
        Span<byte> tag = stackalloc byte[Poly1305.TagSizeBytes];
        ComputeTag(iv, ciphertext, tag);
        if (!FixedTimeEquals(tag, sealedBytes.Slice(IvSizeBytes + plain.Length)))
            return false;

        var counter = new Counter(iv);
        for (int offset = 0; offset < plain.Length; offset += KeyStreamBytes)
        {
            int countBytes = Math.Min(KeyStreamBytes, plain.Length - offset);
            NextKeyStream(ref counter, countBytes);
            Span<byte> stream = _keyStream.AsSpan(0, countBytes);
            Xor(ciphertext.Slice(offset, countBytes), stream, stream);
            if (!stream.SequenceEqual(plain.Slice(offset, countBytes)))
                return false;
        }
        return true;
    }

    private void ComputeTag(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> ciphertext, Span<byte> tag)
    {
        Span<byte> s = stackalloc byte[16];
        _macCipher.EncryptBlock(iv, s);
        Poly1305.Compute(ciphertext, _macR, s, tag);
    }

    private void ApplyKeyStream(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> source, Span<byte> target)
    {
        var counter = new Counter(iv);
        for (int offset = 0; offset < source.Length; offset += KeyStreamBytes)
        {
            int countBytes = Math.Min(KeyStreamBytes, source.Length - offset);
            NextKeyStream(ref counter, countBytes);
            Xor(source.Slice(offset, countBytes), _keyStream.AsSpan(0, countBytes), target.Slice(offset, countBytes));
        }
    }

    private void NextKeyStream(ref Counter counter, int countBytes)
    {
        int blockBytes = (countBytes + 15) & ~15;
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(_counters.AsSpan(0, blockBytes));
        for (int i = 0; i < words.Length; i += 2)
        {
            words[i] = BinaryPrimitives.ReverseEndianness(counter.High);
            words[i + 1] = BinaryPrimitives.ReverseEndianness(counter.Low);
            if (++counter.Low == 0)
                counter.High++;
        }
        _cipher.Encrypt(_counters, _keyStream, blockBytes);
    }

    private static void Xor(ReadOnlySpan<byte> source, ReadOnlySpan<byte> stream, Span<byte> target)
    {
        int i = 0;
        if (Vector.IsHardwareAccelerated)
        {
            ReadOnlySpan<Vector<byte>> a = MemoryMarshal.Cast<byte, Vector<byte>>(source);
            ReadOnlySpan<Vector<byte>> b = MemoryMarshal.Cast<byte, Vector<byte>>(stream);
            Span<Vector<byte>> c = MemoryMarshal.Cast<byte, Vector<byte>>(target);
            for (int v = 0; v < a.Length; v++)
                c[v] = a[v] ^ b[v];
            i = a.Length * Vector<byte>.Count;
        }
        for (; i < source.Length; i++)
            target[i] = (byte)(source[i] ^ stream[i]);
    }

    /// <summary>Compares in a time that does not depend on where the bytes differ.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    internal static bool FixedTimeEquals(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
            return false;
        int difference = 0;
        for (int i = 0; i < a.Length; i++)
            difference |= a[i] ^ b[i];
        return difference == 0;
    }

    public void Dispose()
    {
        Array.Clear(_macR, 0, _macR.Length);
        Array.Clear(_keyStream, 0, _keyStream.Length);
        _cipher.Dispose();
        _macCipher.Dispose();
    }

    /// <summary>The 128-bit big-endian counter of CTR mode (NIST SP 800-38A, B.1: the whole block is incremented).</summary>
    private struct Counter(ReadOnlySpan<byte> iv)
    {
        public ulong High = BinaryPrimitives.ReadUInt64BigEndian(iv);
        public ulong Low = BinaryPrimitives.ReadUInt64BigEndian(iv.Slice(8));
    }
}
