using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// Random irreducible polynomials of degree 53 over GF(2): restic refuses a config without one, because its own
/// content-defined chunker needs it. Our chunks have a fixed size and don't.
/// </summary>
internal static class ChunkerPolynomialGenerator
{
    private const int Degree = 53;

    public static ulong Next()
    {
        // About one polynomial in 53 is irreducible.
        Span<byte> bytes = stackalloc byte[8];
        while (true)
        {
            SystemRandom.Fill(bytes);
            ulong candidate = BinaryPrimitives.ReadUInt64LittleEndian(bytes) & ((1UL << Degree) - 1) | 1UL << Degree | 1;
            if (IsIrreducible(candidate))
                return candidate;
        }
    }

    /// <summary>
    /// Ben-Or's test: f is irreducible exactly when gcd(f, x^(2^i) - x) = 1 for every i up to half its degree.
    /// </summary>
    public static bool IsIrreducible(ulong f)
    {
        int degree = DegreeOf(f);
        if (degree < 1)
            return false;
        ulong power = Reduce(2, f);
        for (int i = 1; i <= degree / 2; i++)
        {
            power = Multiply(power, power, f);
            if (DegreeOf(Gcd(f, power ^ Reduce(2, f))) != 0)
                return false;
        }
        return true;
    }

    private static int DegreeOf(ulong f)
    {
        int degree = -1;
        for (; f != 0; f >>= 1)
            degree++;
        return degree;
    }

    private static ulong Reduce(ulong a, ulong f)
    {
        int degree = DegreeOf(f);
        for (int shift = DegreeOf(a) - degree; shift >= 0; shift = DegreeOf(a) - degree)
            a ^= f << shift;
        return a;
    }

    private static ulong Multiply(ulong a, ulong b, ulong f)
    {
        int degree = DegreeOf(f);
        ulong product = 0;
        for (; b != 0; b >>= 1)
        {
            if ((b & 1) != 0)
                product ^= a;
            a <<= 1;
            if ((a >> degree & 1) != 0)
                a ^= f;
        }
        return product;
    }

    private static ulong Gcd(ulong a, ulong b)
    {
        while (b != 0)
            (a, b) = (b, Reduce(a, b));
        return a;
    }
}
