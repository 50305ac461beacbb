using System;

namespace ImageBackup.Tests.Kits;

/// <summary>Bytes that no compressor shortens and every run makes again.</summary>
internal static class SeededBytes
{
    public static byte[] Make(int seed, int lengthBytes)
    {
        byte[] bytes = new byte[lengthBytes];
#pragma warning disable CA5394 // Not for secrets: test content.
        new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }
}
