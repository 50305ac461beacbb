using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Cryptography;

/// <summary>Random bytes from the operating system's generator.</summary>
internal static class SystemRandom
{
    public static void Fill(Span<byte> target) => RandomNumberGenerator.Fill(target);
}
