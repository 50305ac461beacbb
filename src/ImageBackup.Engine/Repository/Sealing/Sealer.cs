using System;
using System.Runtime.CompilerServices;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Sealing;

/// <summary>
/// Seals and opens what a repository stores: IV ‖ AES-256-CTR ciphertext ‖ Poly1305-AES tag over the ciphertext
/// (restic design.rst, "Keys, Encryption and MAC"). The IV is fresh from the system's generator each time.
/// </summary>
/// <remarks>Not thread-safe: one a thread, from <see cref="SealerPool"/>.</remarks>
internal sealed class Sealer : IDisposable
{
    public const int IvSizeBytes = 16;
    public const int OverheadBytes = IvSizeBytes + Poly1305.TagSizeBytes;

    /// <summary>How much is decrypted at a time if it is only looked at: what stays in the fastest cache.</summary>
    internal const int PartBytes = 16 * 1024;

    private readonly AesCounterMode _cipher;
    private readonly AesBlocks _macCipher;
    private readonly byte[] _macR;
    private readonly byte[] _part = new byte[PartBytes];

    public Sealer(MasterKey key)
    {
        _cipher = new AesCounterMode(key.Encryption);
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
        var counter = new BlockCounter(iv);
        _cipher.Apply(ref counter, plain, ciphertext);
        ComputeTag(iv, ciphertext, target.Slice(IvSizeBytes + plain.Length));
    }

    /// <summary>
    /// Opens into <paramref name="target"/>, which is <see cref="OverheadBytes"/> shorter. Returns false, with the
    /// target untouched, if the tag does not match or there is no room for one.
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
        var counter = new BlockCounter(iv);
        _cipher.Apply(ref counter, ciphertext, target);
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

        var counter = new BlockCounter(iv);
        for (int offset = 0; offset < plain.Length; offset += PartBytes)
        {
            int countBytes = Math.Min(PartBytes, plain.Length - offset);
            Span<byte> opened = _part.AsSpan(0, countBytes);
            _cipher.Apply(ref counter, ciphertext.Slice(offset, countBytes), opened);
            if (!opened.SequenceEqual(plain.Slice(offset, countBytes)))
                return false;
        }
        return true;
    }

    /// <summary>
    /// Whether the seal of something that is read in parts is right, without holding it whole: what is asked before memory
    /// is taken for a large file. Nothing is decrypted.
    /// </summary>
    /// <param name="sealedLengthBytes">Of all.</param>
    /// <param name="read">Fills the buffer with so many bytes from an offset. Called in order, once for every byte.</param>
    public bool Proves(long sealedLengthBytes, Action<long, byte[], int> read)
    {
        if (sealedLengthBytes < OverheadBytes)
            return false;
        const int partBytes = 1 << 20;
        byte[] part = new byte[partBytes];
        read(0, part, IvSizeBytes);
        Span<byte> s = stackalloc byte[16], tag = stackalloc byte[Poly1305.TagSizeBytes];
        _macCipher.EncryptBlock(part.AsSpan(0, IvSizeBytes), s);
        Span<ulong> accumulator = stackalloc ulong[3];
        accumulator.Clear();
        long at = IvSizeBytes, endBytes = sealedLengthBytes - Poly1305.TagSizeBytes;
        for (; endBytes - at > partBytes; at += partBytes)
        {
            read(at, part, partBytes);
            Poly1305.Absorb(part, _macR, accumulator);
        }
        int lastBytes = (int)(endBytes - at);
        read(at, part, lastBytes);
        Poly1305.Finish(part.AsSpan(0, lastBytes), _macR, accumulator, s, tag);
        read(endBytes, part, Poly1305.TagSizeBytes);
        return FixedTimeEquals(tag, part.AsSpan(0, Poly1305.TagSizeBytes));
    }

    /// <summary>Begins a message that comes in parts: draws its IV, and gives the counter of its first block and what is added to its polynomial's value.</summary>
    internal BlockCounter Begin(Span<byte> iv, Span<byte> s)
    {
        SystemRandom.Fill(iv);
        _macCipher.EncryptBlock(iv, s);
        return new BlockCounter(iv);
    }

    /// <summary>
    /// Encrypts the next part of a message and absorbs it into its tag. False if it does not decrypt to the same bytes again.
    /// </summary>
    /// <param name="counter">Of its first block; stands behind it afterwards, if it is whole blocks.</param>
    /// <param name="accumulator">Of the tag. An end that is not a whole block is not absorbed: it belongs to <see cref="Finish"/>.</param>
    /// <param name="plain">At most <see cref="PartBytes"/>; whole blocks, unless it is the last part.</param>
    /// <param name="ciphertext">As long.</param>
    internal bool SealPart(ref BlockCounter counter, Span<ulong> accumulator, ReadOnlySpan<byte> plain, Span<byte> ciphertext)
    {
        BlockCounter again = counter;
        _cipher.Apply(ref counter, plain, ciphertext);
        Poly1305.Absorb(ciphertext.Slice(0, plain.Length & ~(AesCounterMode.BlockBytes - 1)), _macR, accumulator);
        Span<byte> opened = _part.AsSpan(0, plain.Length);
        _cipher.Apply(ref again, ciphertext, opened);
        return opened.SequenceEqual(plain);
    }

    /// <summary>Absorbs whole blocks of ciphertext into a tag.</summary>
    internal void Absorb(ReadOnlySpan<byte> blocks, Span<ulong> accumulator) => Poly1305.Absorb(blocks, _macR, accumulator);

    /// <summary>The tag of a message of which all whole blocks are absorbed.</summary>
    internal void Finish(ReadOnlySpan<byte> rest, Span<ulong> accumulator, ReadOnlySpan<byte> s, Span<byte> tag) => Poly1305.Finish(rest, _macR, accumulator, s, tag);

    private void ComputeTag(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> ciphertext, Span<byte> tag)
    {
        Span<byte> s = stackalloc byte[16];
        _macCipher.EncryptBlock(iv, s);
        Poly1305.Compute(ciphertext, _macR, s, tag);
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
        Array.Clear(_part, 0, _part.Length);
        _cipher.Dispose();
        _macCipher.Dispose();
    }
}
