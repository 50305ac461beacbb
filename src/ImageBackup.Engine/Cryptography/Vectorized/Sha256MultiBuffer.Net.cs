using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal static unsafe partial class Sha256MultiBuffer
{
    private const int BlockBytes = 64;
    private const int BlockWords = 16;
    private const int RoundCount = 64;
    private const int StateCount = 8;
    private const int VectorBytes = 32;

    /// <summary>How far ahead of a message's reading it is asked for: eight streams are too many for the processor to guess.</summary>
    private const int PrefetchBytes = 1024;

    private static ReadOnlySpan<uint> InitialState =>
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    private static ReadOnlySpan<uint> RoundConstants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>Turns the bytes of every 32-bit word around.</summary>
    private static ReadOnlySpan<byte> BigEndianWords =>
        [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

    public static bool IsSupported => Avx512F.VL.IsSupported;

    /// <summary>
    /// The digests, one after the other, of up to <see cref="LaneCount"/> messages: the first <paramref name="lengthBytes"/> of
    /// each array. It takes the time of all, however many there are.
    /// </summary>
    public static void Hash(ReadOnlySpan<byte[]> messages, int lengthBytes, Span<byte> digests)
    {
        if (messages.Length is 0 or > LaneCount)
            throw new ArgumentOutOfRangeException(nameof(messages));
        if (digests.Length < messages.Length * Sha256.SizeBytes)
            throw new ArgumentException("There is no room for all digests.", nameof(digests));
        // Lanes without a message of their own do the first one's again.
        byte[][] lanes = new byte[LaneCount][], ends = new byte[LaneCount][];
        int wholeBytes = lengthBytes & -BlockBytes, restBytes = lengthBytes - wholeBytes;
        int endBytes = restBytes < BlockBytes - sizeof(ulong) ? BlockBytes : 2 * BlockBytes;
        for (int lane = 0; lane < LaneCount; lane++)
        {
            byte[] message = lanes[lane] = messages[lane < messages.Length ? lane : 0];
            // The rest of the message, a one bit, zeros, and its length in bits (5.1.1); this also bounds the length.
            byte[] end = ends[lane] = new byte[endBytes];
            message.AsSpan(wholeBytes, restBytes).CopyTo(end);
            end[restBytes] = 0x80;
            BinaryPrimitives.WriteUInt64BigEndian(end.AsSpan(endBytes - sizeof(ulong)), (ulong)lengthBytes * 8);
        }

        byte* scratch = stackalloc byte[(StateCount + BlockWords + 1) * VectorBytes];
        var state = (Vector256<uint>*)((nint)(scratch + VectorBytes - 1) & -VectorBytes);
        for (int i = 0; i < StateCount; i++)
            state[i] = Vector256.Create(InitialState[i]);
        Absorb(lanes, wholeBytes, state, state + StateCount);
        Absorb(ends, endBytes, state, state + StateCount);
        for (int lane = 0; lane < messages.Length; lane++)
        {
            for (int i = 0; i < StateCount; i++)
                BinaryPrimitives.WriteUInt32BigEndian(digests.Slice(lane * Sha256.SizeBytes + i * sizeof(uint)), state[i].GetElement(lane));
        }
    }

    /// <summary>Takes the first bytes, whole blocks, of eight messages into the state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Absorb(byte[][] messages, int countBytes, Vector256<uint>* state, Vector256<uint>* words)
    {
        ref uint constants = ref MemoryMarshal.GetReference(RoundConstants);
        for (int offsetBytes = 0; offsetBytes < countBytes; offsetBytes += BlockBytes)
        {
            Load(messages, offsetBytes, words);
            Vector256<uint> a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
            Vector256<uint> w0 = words[0], w1 = words[1], w2 = words[2], w3 = words[3], w4 = words[4], w5 = words[5], w6 = words[6], w7 = words[7];
            Vector256<uint> w8 = words[8], w9 = words[9], w10 = words[10], w11 = words[11], w12 = words[12], w13 = words[13], w14 = words[14], w15 = words[15];
            Round(a, b, c, ref d, e, f, g, ref h, w0 + Vector256.Create(constants));
            Round(h, a, b, ref c, d, e, f, ref g, w1 + Vector256.Create(Unsafe.Add(ref constants, 1)));
            Round(g, h, a, ref b, c, d, e, ref f, w2 + Vector256.Create(Unsafe.Add(ref constants, 2)));
            Round(f, g, h, ref a, b, c, d, ref e, w3 + Vector256.Create(Unsafe.Add(ref constants, 3)));
            Round(e, f, g, ref h, a, b, c, ref d, w4 + Vector256.Create(Unsafe.Add(ref constants, 4)));
            Round(d, e, f, ref g, h, a, b, ref c, w5 + Vector256.Create(Unsafe.Add(ref constants, 5)));
            Round(c, d, e, ref f, g, h, a, ref b, w6 + Vector256.Create(Unsafe.Add(ref constants, 6)));
            Round(b, c, d, ref e, f, g, h, ref a, w7 + Vector256.Create(Unsafe.Add(ref constants, 7)));
            Round(a, b, c, ref d, e, f, g, ref h, w8 + Vector256.Create(Unsafe.Add(ref constants, 8)));
            Round(h, a, b, ref c, d, e, f, ref g, w9 + Vector256.Create(Unsafe.Add(ref constants, 9)));
            Round(g, h, a, ref b, c, d, e, ref f, w10 + Vector256.Create(Unsafe.Add(ref constants, 10)));
            Round(f, g, h, ref a, b, c, d, ref e, w11 + Vector256.Create(Unsafe.Add(ref constants, 11)));
            Round(e, f, g, ref h, a, b, c, ref d, w12 + Vector256.Create(Unsafe.Add(ref constants, 12)));
            Round(d, e, f, ref g, h, a, b, ref c, w13 + Vector256.Create(Unsafe.Add(ref constants, 13)));
            Round(c, d, e, ref f, g, h, a, ref b, w14 + Vector256.Create(Unsafe.Add(ref constants, 14)));
            Round(b, c, d, ref e, f, g, h, ref a, w15 + Vector256.Create(Unsafe.Add(ref constants, 15)));
            for (int t = 16; t < RoundCount; t += 16)
            {
                ref uint k = ref Unsafe.Add(ref constants, t);
                Round(a, b, c, ref d, e, f, g, ref h, Extend(ref w0, w1, w9, w14) + Vector256.Create(k));
                Round(h, a, b, ref c, d, e, f, ref g, Extend(ref w1, w2, w10, w15) + Vector256.Create(Unsafe.Add(ref k, 1)));
                Round(g, h, a, ref b, c, d, e, ref f, Extend(ref w2, w3, w11, w0) + Vector256.Create(Unsafe.Add(ref k, 2)));
                Round(f, g, h, ref a, b, c, d, ref e, Extend(ref w3, w4, w12, w1) + Vector256.Create(Unsafe.Add(ref k, 3)));
                Round(e, f, g, ref h, a, b, c, ref d, Extend(ref w4, w5, w13, w2) + Vector256.Create(Unsafe.Add(ref k, 4)));
                Round(d, e, f, ref g, h, a, b, ref c, Extend(ref w5, w6, w14, w3) + Vector256.Create(Unsafe.Add(ref k, 5)));
                Round(c, d, e, ref f, g, h, a, ref b, Extend(ref w6, w7, w15, w4) + Vector256.Create(Unsafe.Add(ref k, 6)));
                Round(b, c, d, ref e, f, g, h, ref a, Extend(ref w7, w8, w0, w5) + Vector256.Create(Unsafe.Add(ref k, 7)));
                Round(a, b, c, ref d, e, f, g, ref h, Extend(ref w8, w9, w1, w6) + Vector256.Create(Unsafe.Add(ref k, 8)));
                Round(h, a, b, ref c, d, e, f, ref g, Extend(ref w9, w10, w2, w7) + Vector256.Create(Unsafe.Add(ref k, 9)));
                Round(g, h, a, ref b, c, d, e, ref f, Extend(ref w10, w11, w3, w8) + Vector256.Create(Unsafe.Add(ref k, 10)));
                Round(f, g, h, ref a, b, c, d, ref e, Extend(ref w11, w12, w4, w9) + Vector256.Create(Unsafe.Add(ref k, 11)));
                Round(e, f, g, ref h, a, b, c, ref d, Extend(ref w12, w13, w5, w10) + Vector256.Create(Unsafe.Add(ref k, 12)));
                Round(d, e, f, ref g, h, a, b, ref c, Extend(ref w13, w14, w6, w11) + Vector256.Create(Unsafe.Add(ref k, 13)));
                Round(c, d, e, ref f, g, h, a, ref b, Extend(ref w14, w15, w7, w12) + Vector256.Create(Unsafe.Add(ref k, 14)));
                Round(b, c, d, ref e, f, g, h, ref a, Extend(ref w15, w0, w8, w13) + Vector256.Create(Unsafe.Add(ref k, 15)));
            }
            state[0] += a;
            state[1] += b;
            state[2] += c;
            state[3] += d;
            state[4] += e;
            state[5] += f;
            state[6] += g;
            state[7] += h;
        }
    }

    /// <summary>One round (6.2.2, step 3), whose renaming of the variables is the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, ref Vector256<uint> d,
        Vector256<uint> e, Vector256<uint> f, Vector256<uint> g, ref Vector256<uint> h, Vector256<uint> word)
    {
        Vector256<uint> sum = h + word
            + Xor(Avx512F.VL.RotateRight(e, 6), Avx512F.VL.RotateRight(e, 11), Avx512F.VL.RotateRight(e, 25))
            + Avx512F.VL.TernaryLogic(e, f, g, 0xca);
        d += sum;
        h = sum + Xor(Avx512F.VL.RotateRight(a, 2), Avx512F.VL.RotateRight(a, 13), Avx512F.VL.RotateRight(a, 22)) + Avx512F.VL.TernaryLogic(a, b, c, 0xe8);
    }

    /// <summary>A word of the message schedule (6.2.2, step 1) in the place of the one sixteen before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Extend(ref Vector256<uint> w16, Vector256<uint> w15, Vector256<uint> w7, Vector256<uint> w2) =>
        w16 = w16 + w7
            + Xor(Avx512F.VL.RotateRight(w15, 7), Avx512F.VL.RotateRight(w15, 18), w15 >>> 3)
            + Xor(Avx512F.VL.RotateRight(w2, 17), Avx512F.VL.RotateRight(w2, 19), w2 >>> 10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Xor(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => Avx512F.VL.TernaryLogic(a, b, c, 0x96);

    /// <summary>A block of every message, from a vector a message to a vector a word: the first half of the block, then the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Load(byte[][] messages, int offsetBytes, Vector256<uint>* words)
    {
        Vector256<byte> bigEndian = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(BigEndianWords));
        for (int lane = 0; lane < LaneCount; lane++)
        {
            ref byte block = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(messages[lane]), offsetBytes);
            // An address past the message's end is not a fault: it is only a hint.
            Sse.Prefetch0((byte*)Unsafe.AsPointer(ref block) + PrefetchBytes);
            words[lane] = Avx2.Shuffle(Vector256.LoadUnsafe(ref block), bigEndian).AsUInt32();
            words[lane + LaneCount] = Avx2.Shuffle(Vector256.LoadUnsafe(ref block, VectorBytes), bigEndian).AsUInt32();
        }
        Transpose(words);
        Transpose(words + LaneCount);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(Vector256<uint>* rows)
    {
        for (int i = 0; i < LaneCount; i += 4)
        {
            Vector256<uint>* r = rows + i;
            Vector256<ulong> low01 = Avx2.UnpackLow(r[0], r[1]).AsUInt64(), high01 = Avx2.UnpackHigh(r[0], r[1]).AsUInt64();
            Vector256<ulong> low23 = Avx2.UnpackLow(r[2], r[3]).AsUInt64(), high23 = Avx2.UnpackHigh(r[2], r[3]).AsUInt64();
            r[0] = Avx2.UnpackLow(low01, low23).AsUInt32();
            r[1] = Avx2.UnpackHigh(low01, low23).AsUInt32();
            r[2] = Avx2.UnpackLow(high01, high23).AsUInt32();
            r[3] = Avx2.UnpackHigh(high01, high23).AsUInt32();
        }
        for (int i = 0; i < 4; i++)
        {
            Vector256<uint> top = rows[i], bottom = rows[i + 4];
            rows[i] = Avx2.Permute2x128(top, bottom, 0x20);
            rows[i + 4] = Avx2.Permute2x128(top, bottom, 0x31);
        }
    }
}
