using System;
#if NET
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
#endif

namespace ImageBackup.Engine.Compat;

/// <summary>
/// SHA-256 (FIPS 180-4) of sixteen messages of one length side by side, where the processor has AVX-512: word i of every
/// message in one vector. Twice the speed of the processor's own SHA instructions, which wait for each other's results.
/// </summary>
internal static unsafe class Sha256Lanes
{
    public const int LaneCount = 16;

    /// <summary>From so many messages on it is faster than one after the other.</summary>
    public const int WorthFromCount = 9;

#if NET
    private const int BlockBytes = 64;
    private const int RoundCount = 64;
    private const int StateCount = 8;
    private const int VectorBytes = 64;

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
    [
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
    ];

    public static bool IsSupported => Avx512BW.IsSupported;

    /// <summary>
    /// The digests, one after the other, of up to <see cref="LaneCount"/> messages: the first <paramref name="lengthBytes"/> of
    /// each array. It takes the time of sixteen, however many there are.
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

        byte* scratch = stackalloc byte[(StateCount + RoundCount + 1) * VectorBytes];
        var state = (Vector512<uint>*)((nint)(scratch + VectorBytes - 1) & -VectorBytes);
        for (int i = 0; i < StateCount; i++)
            state[i] = Vector512.Create(InitialState[i]);
        Absorb(lanes, wholeBytes, state, state + StateCount);
        Absorb(ends, endBytes, state, state + StateCount);
        for (int lane = 0; lane < messages.Length; lane++)
        {
            for (int i = 0; i < StateCount; i++)
                BinaryPrimitives.WriteUInt32BigEndian(digests.Slice(lane * Sha256.SizeBytes + i * sizeof(uint)), state[i].GetElement(lane));
        }
    }

    /// <summary>Takes the first bytes, whole blocks, of sixteen messages into the state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Absorb(byte[][] messages, int countBytes, Vector512<uint>* state, Vector512<uint>* words)
    {
        ref uint constants = ref MemoryMarshal.GetReference(RoundConstants);
        for (int offsetBytes = 0; offsetBytes < countBytes; offsetBytes += BlockBytes)
        {
            Load(messages, offsetBytes, words);
            Vector512<uint> a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
            for (int t = 0; t < 16; t += 8)
            {
                Vector512<uint>* w = words + t;
                ref uint k = ref Unsafe.Add(ref constants, t);
                Round(a, b, c, ref d, e, f, g, ref h, w[0] + Vector512.Create(Unsafe.Add(ref k, 0)));
                Round(h, a, b, ref c, d, e, f, ref g, w[1] + Vector512.Create(Unsafe.Add(ref k, 1)));
                Round(g, h, a, ref b, c, d, e, ref f, w[2] + Vector512.Create(Unsafe.Add(ref k, 2)));
                Round(f, g, h, ref a, b, c, d, ref e, w[3] + Vector512.Create(Unsafe.Add(ref k, 3)));
                Round(e, f, g, ref h, a, b, c, ref d, w[4] + Vector512.Create(Unsafe.Add(ref k, 4)));
                Round(d, e, f, ref g, h, a, b, ref c, w[5] + Vector512.Create(Unsafe.Add(ref k, 5)));
                Round(c, d, e, ref f, g, h, a, ref b, w[6] + Vector512.Create(Unsafe.Add(ref k, 6)));
                Round(b, c, d, ref e, f, g, h, ref a, w[7] + Vector512.Create(Unsafe.Add(ref k, 7)));
            }
            for (int t = 16; t < RoundCount; t += 8)
            {
                Vector512<uint>* w = words + t;
                ref uint k = ref Unsafe.Add(ref constants, t);
                Round(a, b, c, ref d, e, f, g, ref h, Extend(w + 0) + Vector512.Create(Unsafe.Add(ref k, 0)));
                Round(h, a, b, ref c, d, e, f, ref g, Extend(w + 1) + Vector512.Create(Unsafe.Add(ref k, 1)));
                Round(g, h, a, ref b, c, d, e, ref f, Extend(w + 2) + Vector512.Create(Unsafe.Add(ref k, 2)));
                Round(f, g, h, ref a, b, c, d, ref e, Extend(w + 3) + Vector512.Create(Unsafe.Add(ref k, 3)));
                Round(e, f, g, ref h, a, b, c, ref d, Extend(w + 4) + Vector512.Create(Unsafe.Add(ref k, 4)));
                Round(d, e, f, ref g, h, a, b, ref c, Extend(w + 5) + Vector512.Create(Unsafe.Add(ref k, 5)));
                Round(c, d, e, ref f, g, h, a, ref b, Extend(w + 6) + Vector512.Create(Unsafe.Add(ref k, 6)));
                Round(b, c, d, ref e, f, g, h, ref a, Extend(w + 7) + Vector512.Create(Unsafe.Add(ref k, 7)));
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
    private static void Round(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> e, Vector512<uint> f, Vector512<uint> g, ref Vector512<uint> h, Vector512<uint> word)
    {
        Vector512<uint> sum = h + word
            + Xor(Avx512F.RotateRight(e, 6), Avx512F.RotateRight(e, 11), Avx512F.RotateRight(e, 25))
            + Avx512F.TernaryLogic(e, f, g, 0xca);
        d += sum;
        h = sum + Xor(Avx512F.RotateRight(a, 2), Avx512F.RotateRight(a, 13), Avx512F.RotateRight(a, 22)) + Avx512F.TernaryLogic(a, b, c, 0xe8);
    }

    /// <summary>One word of the message schedule (6.2.2, step 1) from those before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Extend(Vector512<uint>* w)
    {
        Vector512<uint> w15 = w[-15], w2 = w[-2];
        return *w = w[-16] + w[-7]
            + Xor(Avx512F.RotateRight(w15, 7), Avx512F.RotateRight(w15, 18), w15 >>> 3)
            + Xor(Avx512F.RotateRight(w2, 17), Avx512F.RotateRight(w2, 19), w2 >>> 10);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) => Avx512F.TernaryLogic(a, b, c, 0x96);

    /// <summary>A block of every message, from a vector a message to a vector a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Load(byte[][] messages, int offsetBytes, Vector512<uint>* rows)
    {
        Vector512<byte> bigEndian = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(BigEndianWords));
        for (int lane = 0; lane < LaneCount; lane++)
            rows[lane] = Avx512BW.Shuffle(Vector512.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(messages[lane]), (nuint)offsetBytes), bigEndian).AsUInt32();
        for (int i = 0; i < LaneCount; i += 4)
        {
            Vector512<uint>* r = rows + i;
            Vector512<ulong> low01 = Avx512F.UnpackLow(r[0], r[1]).AsUInt64(), high01 = Avx512F.UnpackHigh(r[0], r[1]).AsUInt64();
            Vector512<ulong> low23 = Avx512F.UnpackLow(r[2], r[3]).AsUInt64(), high23 = Avx512F.UnpackHigh(r[2], r[3]).AsUInt64();
            r[0] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            r[1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            r[2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            r[3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }
        // Now a 4 by 4 matrix of 128-bit parts in each of four columns.
        for (int i = 0; i < 4; i++)
        {
            Vector512<uint>* r = rows + i;
            Vector512<uint> even04 = Avx512F.Shuffle4x128(r[0], r[4], 0x88), odd04 = Avx512F.Shuffle4x128(r[0], r[4], 0xdd);
            Vector512<uint> even8C = Avx512F.Shuffle4x128(r[8], r[12], 0x88), odd8C = Avx512F.Shuffle4x128(r[8], r[12], 0xdd);
            r[0] = Avx512F.Shuffle4x128(even04, even8C, 0x88);
            r[4] = Avx512F.Shuffle4x128(odd04, odd8C, 0x88);
            r[8] = Avx512F.Shuffle4x128(even04, even8C, 0xdd);
            r[12] = Avx512F.Shuffle4x128(odd04, odd8C, 0xdd);
        }
    }
#else
    public static bool IsSupported => false;

    public static void Hash(ReadOnlySpan<byte[]> messages, int lengthBytes, Span<byte> digests) => throw new PlatformNotSupportedException();
#endif
}
