using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal static unsafe partial class Sha256MultiBuffer
{
    public static bool IsSupported => false;

    public static void Hash(ReadOnlySpan<byte[]> messages, int lengthBytes, Span<byte> digests) => throw new PlatformNotSupportedException();
}
