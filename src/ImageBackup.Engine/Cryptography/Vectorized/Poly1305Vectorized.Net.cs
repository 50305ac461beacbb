using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal static partial class Poly1305Vectorized
{
    private const ulong LimbMask = 0x3ffffff;

    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>
    /// Absorbs as many whole steps as the message has into a fresh accumulator. <paramref name="powers"/> are r, r^2 and so on
    /// to r^8, three 64-bit words each (below 2^131). Returns the number of bytes absorbed; the accumulator comes as three
    /// words, partly reduced.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Absorb(ReadOnlySpan<byte> message, ReadOnlySpan<ulong> powers, out ulong h0, out ulong h1, out ulong h2)
    {
        Span<uint> limbs = stackalloc uint[PowerCount * 5];
        for (int power = 0; power < PowerCount; power++)
            Split(powers.Slice(power * 3, 3), limbs.Slice(power * 5, 5));

        Vector256<ulong> mask = Vector256.Create(LimbMask), padding = Vector256.Create(1UL << 24);
        Vector256<ulong> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default;

        ReadOnlySpan<Vector256<ulong>> blocks = MemoryMarshal.Cast<byte, Vector256<ulong>>(message.Slice(0, message.Length & -StepBytes));
        // By r^8.
        Vector256<uint> r0 = InEveryLane(limbs, 35), r1 = InEveryLane(limbs, 36), r2 = InEveryLane(limbs, 37), r3 = InEveryLane(limbs, 38), r4 = InEveryLane(limbs, 39);
        Vector256<uint> s1 = r1 * 5u, s2 = r2 * 5u, s3 = r3 * 5u, s4 = r4 * 5u;
        Vector256<ulong> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default;
        int i = 0;
        for (; i <= blocks.Length - 4; i += 4)
        {
            // The first step multiplies zeros.
            Multiply(ref a0, ref a1, ref a2, ref a3, ref a4, r0, r1, r2, r3, r4, s1, s2, s3, s4, mask);
            Multiply(ref b0, ref b1, ref b2, ref b3, ref b4, r0, r1, r2, r3, r4, s1, s2, s3, s4, mask);
            Add(blocks[i], blocks[i + 1], ref a0, ref a1, ref a2, ref a3, ref a4, mask, padding);
            Add(blocks[i + 2], blocks[i + 3], ref b0, ref b1, ref b2, ref b3, ref b4, mask, padding);
        }
        // By r^4: the first sum's blocks come before the second's, and both before the one step that may be left.
        r0 = InEveryLane(limbs, 15);
        r1 = InEveryLane(limbs, 16);
        r2 = InEveryLane(limbs, 17);
        r3 = InEveryLane(limbs, 18);
        r4 = InEveryLane(limbs, 19);
        Multiply(ref a0, ref a1, ref a2, ref a3, ref a4, r0, r1, r2, r3, r4, r1 * 5u, r2 * 5u, r3 * 5u, r4 * 5u, mask);
        a0 += b0;
        a1 += b1;
        a2 += b2;
        a3 += b3;
        a4 += b4;
        if (i < blocks.Length)
        {
            Multiply(ref a0, ref a1, ref a2, ref a3, ref a4, r0, r1, r2, r3, r4, r1 * 5u, r2 * 5u, r3 * 5u, r4 * 5u, mask);
            Add(blocks[i], blocks[i + 1], ref a0, ref a1, ref a2, ref a3, ref a4, mask, padding);
        }

        r0 = LanePowers(limbs, 0);
        r1 = LanePowers(limbs, 1);
        r2 = LanePowers(limbs, 2);
        r3 = LanePowers(limbs, 3);
        r4 = LanePowers(limbs, 4);
        Multiply(ref a0, ref a1, ref a2, ref a3, ref a4, r0, r1, r2, r3, r4, r1 * 5u, r2 * 5u, r3 * 5u, r4 * 5u, mask);
        Join(Vector256.Sum(a0), Vector256.Sum(a1), Vector256.Sum(a2), Vector256.Sum(a3), Vector256.Sum(a4), out h0, out h1, out h2);
        return blocks.Length * 32;
    }

    /// <summary>Adds four blocks: 0 2 1 3 in the lanes; the powers at the end are in the same order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector256<ulong> first, Vector256<ulong> second,
        ref Vector256<ulong> a0, ref Vector256<ulong> a1, ref Vector256<ulong> a2, ref Vector256<ulong> a3, ref Vector256<ulong> a4,
        Vector256<ulong> mask, Vector256<ulong> padding)
    {
        Vector256<ulong> low = Avx2.UnpackLow(first, second), high = Avx2.UnpackHigh(first, second);
        a0 += low & mask;
        a1 += low >>> 26 & mask;
        a2 += (low >>> 52 | high << 12) & mask;
        a3 += high >>> 14 & mask;
        a4 += high >>> 40 | padding;
    }

    private static Vector256<uint> InEveryLane(ReadOnlySpan<uint> limbs, int limb) => Vector256.Create((ulong)limbs[limb]).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(
        ref Vector256<ulong> a0, ref Vector256<ulong> a1, ref Vector256<ulong> a2, ref Vector256<ulong> a3, ref Vector256<ulong> a4,
        Vector256<uint> r0, Vector256<uint> r1, Vector256<uint> r2, Vector256<uint> r3, Vector256<uint> r4,
        Vector256<uint> s1, Vector256<uint> s2, Vector256<uint> s3, Vector256<uint> s4, Vector256<ulong> mask)
    {
        Vector256<uint> h0 = a0.AsUInt32(), h1 = a1.AsUInt32(), h2 = a2.AsUInt32(), h3 = a3.AsUInt32(), h4 = a4.AsUInt32();
        Vector256<ulong> d0 = Avx2.Multiply(h0, r0) + Avx2.Multiply(h1, s4) + Avx2.Multiply(h2, s3) + Avx2.Multiply(h3, s2) + Avx2.Multiply(h4, s1);
        Vector256<ulong> d1 = Avx2.Multiply(h0, r1) + Avx2.Multiply(h1, r0) + Avx2.Multiply(h2, s4) + Avx2.Multiply(h3, s3) + Avx2.Multiply(h4, s2);
        Vector256<ulong> d2 = Avx2.Multiply(h0, r2) + Avx2.Multiply(h1, r1) + Avx2.Multiply(h2, r0) + Avx2.Multiply(h3, s4) + Avx2.Multiply(h4, s3);
        Vector256<ulong> d3 = Avx2.Multiply(h0, r3) + Avx2.Multiply(h1, r2) + Avx2.Multiply(h2, r1) + Avx2.Multiply(h3, r0) + Avx2.Multiply(h4, s4);
        Vector256<ulong> d4 = Avx2.Multiply(h0, r4) + Avx2.Multiply(h1, r3) + Avx2.Multiply(h2, r2) + Avx2.Multiply(h3, r1) + Avx2.Multiply(h4, r0);

        // Two carry chains side by side; every limb ends below 2^26 plus a few.
        d1 += d0 >>> 26;
        d4 += d3 >>> 26;
        a0 = d0 & mask;
        a3 = d3 & mask;
        d2 += d1 >>> 26;
        Vector256<ulong> carry = d4 >>> 26;
        a1 = d1 & mask;
        a4 = d4 & mask;
        a0 += carry + (carry << 2);
        a3 += d2 >>> 26;
        a2 = d2 & mask;
        a1 += a0 >>> 26;
        a4 += a3 >>> 26;
        a0 &= mask;
        a3 &= mask;
    }

    private static void Split(ReadOnlySpan<ulong> h, Span<uint> limbs)
    {
        limbs[0] = (uint)(h[0] & LimbMask);
        limbs[1] = (uint)(h[0] >> 26 & LimbMask);
        limbs[2] = (uint)((h[0] >> 52 | h[1] << 12) & LimbMask);
        limbs[3] = (uint)(h[1] >> 14 & LimbMask);
        limbs[4] = (uint)(h[1] >> 40 | h[2] << 24);
    }

    /// <summary>A limb of r^4, r^2, r^3, r: the lanes hold blocks 0 2 1 3.</summary>
    private static Vector256<uint> LanePowers(ReadOnlySpan<uint> limbs, int limb) =>
        Vector256.Create((ulong)limbs[15 + limb], limbs[5 + limb], limbs[10 + limb], limbs[limb]).AsUInt32();

    private static void Join(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4, out ulong h0, out ulong h1, out ulong h2)
    {
        l1 += l0 >> 26;
        l2 += l1 >> 26;
        l3 += l2 >> 26;
        l4 += l3 >> 26;
        l0 = (l0 & LimbMask) + (l4 >> 26) * 5;
        l4 &= LimbMask;
        l1 = (l1 & LimbMask) + (l0 >> 26);
        l0 &= LimbMask;
        l2 = (l2 & LimbMask) + (l1 >> 26);
        l1 &= LimbMask;
        l3 = (l3 & LimbMask) + (l2 >> 26);
        l2 &= LimbMask;
        l4 += l3 >> 26;
        l3 &= LimbMask;
        h0 = l0 | l1 << 26 | l2 << 52;
        h1 = l2 >> 12 | l3 << 14 | l4 << 40;
        h2 = l4 >> 24;
    }
}
