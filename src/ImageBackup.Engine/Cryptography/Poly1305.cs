using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Cryptography.Vectorized;

namespace ImageBackup.Engine.Cryptography;

/// <summary>
/// The Poly1305 polynomial hash (D. J. Bernstein, "The Poly1305-AES message-authentication code", 2005, section 2)
/// in 64-bit limbs: a 130-bit accumulator in three words, multiplied by a clamped 128-bit r.
/// </summary>
/// <remarks>Runs in time that depends on the message's length only.</remarks>
internal static class Poly1305
{
    public const int TagSizeBytes = 16;

    /// <summary>From this length on the vector lanes are worth their powers of r.</summary>
    private const int LanesFromBytes = 512;

    /// <summary>
    /// The tag of a message: ((hash of the message under r) + s) mod 2^128. For Poly1305-AES, s is AES_k(nonce).
    /// r is clamped here.
    /// </summary>
    public static void Compute(ReadOnlySpan<byte> message, ReadOnlySpan<byte> r, ReadOnlySpan<byte> s, Span<byte> tag)
    {
        (ulong r0, ulong r1) = Clamp(r);
        ulong h0 = 0, h1 = 0, h2 = 0;

        if (Poly1305Vectorized.IsSupported && message.Length >= LanesFromBytes)
        {
            Span<ulong> powers = stackalloc ulong[Poly1305Vectorized.PowerCount * 3];
            powers[0] = r0;
            powers[1] = r1;
            powers[2] = 0;
            for (int i = 3; i < powers.Length; i += 3)
            {
                (powers[i], powers[i + 1], powers[i + 2]) = (powers[i - 3], powers[i - 2], powers[i - 1]);
                Step(ref powers[i], ref powers[i + 1], ref powers[i + 2], 0, 0, 0, r0, r1);
            }
            message = message.Slice(Poly1305Vectorized.Absorb(message, powers, out h0, out h1, out h2));
            powers.Clear();
        }
        Finish(message, r0, r1, h0, h1, h2, s, tag);
    }

    /// <summary>Absorbs whole blocks of 16 bytes into an accumulator that began with zeros: for a message that comes in parts.</summary>
    public static void Absorb(ReadOnlySpan<byte> blocks, ReadOnlySpan<byte> r, Span<ulong> accumulator)
    {
        if (blocks.Length % 16 != 0)
            throw new ArgumentException("Only the last part may end within a block.", nameof(blocks));
        (ulong r0, ulong r1) = Clamp(r);
        ulong h0 = accumulator[0], h1 = accumulator[1], h2 = accumulator[2];
        for (; !blocks.IsEmpty; blocks = blocks.Slice(16))
            Step(ref h0, ref h1, ref h2, BinaryPrimitives.ReadUInt64LittleEndian(blocks), BinaryPrimitives.ReadUInt64LittleEndian(blocks.Slice(8)), 1, r0, r1);
        (accumulator[0], accumulator[1], accumulator[2]) = (h0, h1, h2);
    }

    /// <summary>The tag of a message whose last part this is.</summary>
    public static void Finish(ReadOnlySpan<byte> lastPart, ReadOnlySpan<byte> r, Span<ulong> accumulator, ReadOnlySpan<byte> s, Span<byte> tag)
    {
        (ulong r0, ulong r1) = Clamp(r);
        Finish(lastPart, r0, r1, accumulator[0], accumulator[1], accumulator[2], s, tag);
    }

    private static (ulong R0, ulong R1) Clamp(ReadOnlySpan<byte> r) => (
        BinaryPrimitives.ReadUInt64LittleEndian(r) & 0x0ffffffc0fffffff, BinaryPrimitives.ReadUInt64LittleEndian(r.Slice(8)) & 0x0ffffffc0ffffffc);

    private static void Finish(ReadOnlySpan<byte> message, ulong r0, ulong r1, ulong h0, ulong h1, ulong h2, ReadOnlySpan<byte> s, Span<byte> tag)
    {
        while (message.Length >= 16)
        {
            ulong m0 = BinaryPrimitives.ReadUInt64LittleEndian(message);
            ulong m1 = BinaryPrimitives.ReadUInt64LittleEndian(message.Slice(8));
            Step(ref h0, ref h1, ref h2, m0, m1, 1, r0, r1);
            message = message.Slice(16);
        }
        if (!message.IsEmpty)
        {
            // The last, short block: its bytes, then a 1, then zeros; no 2^128 bit.
            Span<byte> last = stackalloc byte[16];
            last.Clear();
            message.CopyTo(last);
            last[message.Length] = 1;
            Step(ref h0, ref h1, ref h2, BinaryPrimitives.ReadUInt64LittleEndian(last),
                BinaryPrimitives.ReadUInt64LittleEndian(last.Slice(8)), 0, r0, r1);
        }

        // h mod 2^130 - 5: subtract the prime and keep the difference unless it went below zero.
        ulong g0 = h0 + 5;
        ulong carry = g0 < h0 ? 1UL : 0;
        ulong g1 = h1 + carry;
        carry = g1 < carry ? 1UL : 0;
        ulong g2 = h2 + carry;
        ulong mask = 0 - (g2 >> 2);
        h0 = h0 & ~mask | g0 & mask;
        h1 = h1 & ~mask | g1 & mask;

        ulong s0 = BinaryPrimitives.ReadUInt64LittleEndian(s);
        ulong s1 = BinaryPrimitives.ReadUInt64LittleEndian(s.Slice(8));
        ulong t0 = h0 + s0;
        ulong t1 = h1 + s1 + (t0 < h0 ? 1UL : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(tag, t0);
        BinaryPrimitives.WriteUInt64LittleEndian(tag.Slice(8), t1);
    }

    /// <summary>h = (h + m) * r, partly reduced: h stays below 2^130 + a little.</summary>
    private static void Step(
        ref ulong h0, ref ulong h1, ref ulong h2, ulong m0, ulong m1, ulong top, ulong r0, ulong r1)
    {
        h0 += m0;
        ulong carry = h0 < m0 ? 1UL : 0;
        ulong sum = h1 + carry;
        carry = sum < carry ? 1UL : 0;
        h1 = sum + m1;
        carry += h1 < m1 ? 1UL : 0;
        h2 += top + carry;

        // Schoolbook product; r's clamping (top four bits clear) keeps every column inside its words.
        ulong d0High = BigMul.Multiply(h0, r0, out ulong d0);
        ulong aHigh = BigMul.Multiply(h0, r1, out ulong aLow);
        ulong bHigh = BigMul.Multiply(h1, r0, out ulong bLow);
        ulong cHigh = BigMul.Multiply(h1, r1, out ulong cLow);

        ulong d1 = aLow + bLow;
        ulong d1High = aHigh + bHigh + (d1 < aLow ? 1UL : 0);
        d1 += d0High;
        d1High += d1 < d0High ? 1UL : 0;

        ulong h2r0 = h2 * r0, h2r1 = h2 * r1;
        ulong d2 = cLow + h2r0;
        ulong d3 = cHigh + (d2 < cLow ? 1UL : 0) + h2r1;
        d2 += d1High;
        d3 += d2 < d1High ? 1UL : 0;

        // Fold the part above 2^130 back: 2^130 = 5, so add 4*q + q for q = product >> 130.
        h0 = d0;
        h1 = d1;
        h2 = d2 & 3;
        ulong f0 = d2 & ~3UL, f1 = d3;
        h0 += f0;
        carry = h0 < f0 ? 1UL : 0;
        sum = h1 + carry;
        carry = sum < carry ? 1UL : 0;
        h1 = sum + f1;
        carry += h1 < f1 ? 1UL : 0;
        h2 += carry;

        f0 = f0 >> 2 | f1 << 62;
        f1 >>= 2;
        h0 += f0;
        carry = h0 < f0 ? 1UL : 0;
        sum = h1 + carry;
        carry = sum < carry ? 1UL : 0;
        h1 = sum + f1;
        carry += h1 < f1 ? 1UL : 0;
        h2 += carry;
    }
}
