using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>64 × 64 → 128 bit multiplication.</summary>
internal static class BigMul
{
    public static ulong Multiply(ulong a, ulong b, out ulong low) => Math.BigMul(a, b, out low);
}
