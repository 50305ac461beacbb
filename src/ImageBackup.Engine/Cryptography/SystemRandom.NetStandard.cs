using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Cryptography;

/// <summary>Random bytes from the operating system's generator.</summary>
internal static class SystemRandom
{
    private static readonly RandomNumberGenerator s_generator = RandomNumberGenerator.Create();

    public static void Fill(Span<byte> target)
    {
        byte[] bytes = new byte[target.Length];
        lock (s_generator)
            s_generator.GetBytes(bytes);
        bytes.CopyTo(target);
        Array.Clear(bytes, 0, bytes.Length);
    }
}
