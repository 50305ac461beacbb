using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal static partial class Poly1305Vectorized
{
    public static bool IsSupported => false;

    public static int Absorb(ReadOnlySpan<byte> message, ReadOnlySpan<ulong> powers, out ulong h0, out ulong h1, out ulong h2) =>
        throw new PlatformNotSupportedException();
}
