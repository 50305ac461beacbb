using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal sealed partial class AesNi
{
    private const int RoundCount = 14;
    private readonly Vector128<byte>[] _keys;

    /// <param name="key">32 bytes.</param>
    public AesNi(ReadOnlySpan<byte> key) => _keys = Expand(key);

    public static bool IsSupported => X86Aes.IsSupported && Ssse3.IsSupported;

    public void EncryptBlock(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Vector128<byte> state = Vector128.Create(source.Slice(0, 16)) ^ _keys[0];
        for (int round = 1; round < RoundCount; round++)
            state = X86Aes.Encrypt(state, _keys[round]);
        X86Aes.EncryptLast(state, _keys[RoundCount]).CopyTo(target);
    }

    /// <summary>Adds the key stream to as many whole steps as the source has, and returns their bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Apply(ref BlockCounter counter, ReadOnlySpan<byte> source, Span<byte> target)
    {
        ReadOnlySpan<Vector128<byte>> from = MemoryMarshal.Cast<byte, Vector128<byte>>(source.Slice(0, source.Length & -StepBytes));
        Span<Vector128<byte>> to = MemoryMarshal.Cast<byte, Vector128<byte>>(target.Slice(0, from.Length * 16));
        ReadOnlySpan<Vector128<byte>> keys = _keys.AsSpan(0, RoundCount + 1);
        // A counter is kept as two little-endian words, low first.
        Vector128<byte> reverse = Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        for (int i = 0; i + 8 <= from.Length; i += 8)
        {
            Vector128<ulong> low = Vector128.Create(counter.Low, counter.High);
            Vector128<byte> first = keys[0];
            Vector128<byte> s0, s1, s2, s3, s4, s5, s6, s7;
            if (counter.Low <= ulong.MaxValue - 8)
            {
                s0 = Ssse3.Shuffle(low.AsByte(), reverse) ^ first;
                s1 = Ssse3.Shuffle((low + Vector128.CreateScalar(1UL)).AsByte(), reverse) ^ first;
                s2 = Ssse3.Shuffle((low + Vector128.CreateScalar(2UL)).AsByte(), reverse) ^ first;
                s3 = Ssse3.Shuffle((low + Vector128.CreateScalar(3UL)).AsByte(), reverse) ^ first;
                s4 = Ssse3.Shuffle((low + Vector128.CreateScalar(4UL)).AsByte(), reverse) ^ first;
                s5 = Ssse3.Shuffle((low + Vector128.CreateScalar(5UL)).AsByte(), reverse) ^ first;
                s6 = Ssse3.Shuffle((low + Vector128.CreateScalar(6UL)).AsByte(), reverse) ^ first;
                s7 = Ssse3.Shuffle((low + Vector128.CreateScalar(7UL)).AsByte(), reverse) ^ first;
                counter.Low += 8;
            }
            else
            {
                // The low word overflows in this step or right behind it.
                s0 = Next(ref counter, reverse) ^ first;
                s1 = Next(ref counter, reverse) ^ first;
                s2 = Next(ref counter, reverse) ^ first;
                s3 = Next(ref counter, reverse) ^ first;
                s4 = Next(ref counter, reverse) ^ first;
                s5 = Next(ref counter, reverse) ^ first;
                s6 = Next(ref counter, reverse) ^ first;
                s7 = Next(ref counter, reverse) ^ first;
            }
            for (int round = 1; round < RoundCount; round++)
            {
                Vector128<byte> key = keys[round];
                s0 = X86Aes.Encrypt(s0, key);
                s1 = X86Aes.Encrypt(s1, key);
                s2 = X86Aes.Encrypt(s2, key);
                s3 = X86Aes.Encrypt(s3, key);
                s4 = X86Aes.Encrypt(s4, key);
                s5 = X86Aes.Encrypt(s5, key);
                s6 = X86Aes.Encrypt(s6, key);
                s7 = X86Aes.Encrypt(s7, key);
            }
            Vector128<byte> last = keys[RoundCount];
            to[i] = X86Aes.EncryptLast(s0, last) ^ from[i];
            to[i + 1] = X86Aes.EncryptLast(s1, last) ^ from[i + 1];
            to[i + 2] = X86Aes.EncryptLast(s2, last) ^ from[i + 2];
            to[i + 3] = X86Aes.EncryptLast(s3, last) ^ from[i + 3];
            to[i + 4] = X86Aes.EncryptLast(s4, last) ^ from[i + 4];
            to[i + 5] = X86Aes.EncryptLast(s5, last) ^ from[i + 5];
            to[i + 6] = X86Aes.EncryptLast(s6, last) ^ from[i + 6];
            to[i + 7] = X86Aes.EncryptLast(s7, last) ^ from[i + 7];
        }
        return from.Length * 16;
    }

    public void Dispose() => Array.Clear(_keys);

    private static Vector128<byte> Next(ref BlockCounter counter, Vector128<byte> reverse)
    {
        Vector128<byte> block = Ssse3.Shuffle(Vector128.Create(counter.Low, counter.High).AsByte(), reverse);
        counter.Add(1);
        return block;
    }

    /// <summary>The round keys (FIPS 197, 5.2, with eight words of key); words as they lie in memory.</summary>
    private static Vector128<byte>[] Expand(ReadOnlySpan<byte> key)
    {
        const int keyWords = 8;
        if (key.Length != keyWords * 4)
            throw new ArgumentException("A key of 32 bytes is needed.", nameof(key));
        var keys = new Vector128<byte>[RoundCount + 1];
        Span<uint> words = MemoryMarshal.Cast<Vector128<byte>, uint>(keys.AsSpan());
        MemoryMarshal.Cast<byte, uint>(key).CopyTo(words);
        uint constant = 1;
        for (int i = keyWords; i < words.Length; i++)
        {
            uint word = words[i - 1];
            if (i % keyWords == 0)
            {
                word = Assist(word).GetElement(1) ^ constant;
                constant <<= 1;
            }
            else if (i % keyWords == 4)
            {
                word = Assist(word).GetElement(0);
            }
            words[i] = words[i - keyWords] ^ word;
        }
        return keys;
    }

    /// <summary>Element 0: the word through the S-box; element 1: that, rotated by a byte.</summary>
    private static Vector128<uint> Assist(uint word) => X86Aes.KeygenAssist(Vector128.Create(0, word, 0, 0).AsByte(), 0).AsUInt32();
}
