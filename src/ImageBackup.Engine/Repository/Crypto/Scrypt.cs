using System;
using System.Threading.Tasks;
using ImageBackup.Engine.Compat;
using Org.BouncyCastle.Crypto.Generators;

namespace ImageBackup.Engine.Repository.Crypto;

/// <summary>
/// scrypt (RFC 7914): a key from a password, dear to try. By <see cref="ScryptMix"/> where the processor has vectors, else
/// BouncyCastle's.
/// </summary>
internal static class Scrypt
{
    /// <summary>Blocks are mixed side by side while their tables stay under this.</summary>
    private const long MemoryBytes = 256L << 20;

    /// <summary>Derives so many bytes. Bounds on what a key file may ask for are its reader's.</summary>
    /// <param name="password">UTF-8.</param>
    /// <param name="salt">Any bytes.</param>
    /// <param name="n">The cost: a power of two, 2 or more.</param>
    /// <param name="r">The size of a block: 128 * r bytes; it takes 128 * r * n bytes of memory.</param>
    /// <param name="p">How many blocks.</param>
    /// <param name="countBytes">How many bytes to derive.</param>
    public static byte[] Derive(byte[] password, byte[] salt, int n, int r, int p, int countBytes) =>
        ScryptMix.IsSupported ? Mixed(password, salt, n, r, p, countBytes) : SCrypt.Generate(password, salt, n, r, p, countBytes);

    private static byte[] Mixed(byte[] password, byte[] salt, int n, int r, int p, int countBytes)
    {
        int blockBytes = checked(128 * r);
        byte[] blocks = ScryptMix.Expand(password, salt, checked(blockBytes * p));
        try
        {
            void Mix(int block) => ScryptMix.Mix(blocks.AsSpan(block * blockBytes, blockBytes), n, r);
            int sideBySide = (int)Math.Min(Math.Min(p, Environment.ProcessorCount), MemoryBytes / ((long)n * blockBytes));
            if (sideBySide > 1)
            {
                Parallel.For(0, p, new ParallelOptions { MaxDegreeOfParallelism = sideBySide }, Mix);
            }
            else
            {
                for (int block = 0; block < p; block++)
                    Mix(block);
            }
            return ScryptMix.Expand(password, blocks, countBytes);
        }
        finally
        {
            Array.Clear(blocks, 0, blocks.Length);
        }
    }
}
