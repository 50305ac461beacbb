using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>64 × 64 → 128 bit multiplication.</summary>
internal static class BigMul
{
    public static ulong Multiply(ulong a, ulong b, out ulong low)
    {
        ulong al = (uint)a, ah = a >> 32, bl = (uint)b, bh = b >> 32;
        ulong ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
        ulong middle = (ll >> 32) + (uint)lh + (uint)hl;
        low = middle << 32 | (uint)ll;
        return hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
    }
}
