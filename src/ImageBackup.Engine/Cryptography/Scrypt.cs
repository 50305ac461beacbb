using System;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Cryptography.Vectorized;
using Org.BouncyCastle.Crypto.Generators;

namespace ImageBackup.Engine.Cryptography;

/// <summary>
/// scrypt (RFC 7914): a key from a password, dear to try. By <see cref="ScryptVectorized"/> where the processor has vectors, else
/// BouncyCastle's.
/// </summary>
internal static class Scrypt
{
    /// <summary>Blocks are mixed side by side while their tables stay under this.</summary>
    private const long MemoryBytes = 256L << 20;

    /// <summary>Derives so many bytes. Bounds on what a key file may ask for are its reader's.</summary>
    /// <param name="password">UTF-8.</param>
    /// <param name="salt">Any bytes.</param>
    /// <param name="cost">What deriving a key costs.</param>
    /// <param name="countBytes">How many bytes to derive.</param>
    /// <param name="cancellation">Ends it within a moment, whatever the cost.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    public static byte[] Derive(byte[] password, byte[] salt, ScryptCost cost, int countBytes, CancellationToken cancellation = default) =>
        ScryptVectorized.IsSupported ? Mixed(password, salt, cost, countBytes, cancellation) : LetGo(password, salt, cost, countBytes, cancellation);

    /// <summary>BouncyCastle's cannot be interrupted. When it is cancelled its thread is let go of: it ends by itself, for nobody.</summary>
    internal static byte[] LetGo(byte[] password, byte[] salt, ScryptCost cost, int countBytes, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!cancellation.CanBeCanceled)
            return SCrypt.Generate(password, salt, cost.N, cost.R, cost.P, countBytes);
        // The caller zeroes its own when it ends.
        byte[] own = (byte[])password.Clone();
        var deriving = Task.Factory.StartNew(() =>
        {
            try
            {
                return SCrypt.Generate(own, salt, cost.N, cost.R, cost.P, countBytes);
            }
            finally
            {
                Array.Clear(own, 0, own.Length);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            deriving.Wait(cancellation);
        }
        catch (AggregateException)
        {
            // Its exception is thrown below as it is.
        }
        return deriving.GetAwaiter().GetResult();
    }

    private static byte[] Mixed(byte[] password, byte[] salt, ScryptCost cost, int countBytes, CancellationToken cancellation)
    {
        (int n, int r, int p) = cost;
        int blockBytes = checked(128 * r);
        byte[] blocks = ScryptVectorized.Expand(password, salt, checked(blockBytes * p));
        try
        {
            void Mix(int block) => ScryptVectorized.Mix(blocks.AsSpan(block * blockBytes, blockBytes), n, r, cancellation);
            int sideBySide = (int)Math.Min(Math.Min(p, Environment.ProcessorCount), MemoryBytes / ((long)n * blockBytes));
            if (sideBySide > 1)
            {
                Parallel.For(0, p, new ParallelOptions { MaxDegreeOfParallelism = sideBySide, CancellationToken = cancellation }, Mix);
            }
            else
            {
                for (int block = 0; block < p; block++)
                    Mix(block);
            }
            return ScryptVectorized.Expand(password, blocks, countBytes);
        }
        finally
        {
            Array.Clear(blocks, 0, blocks.Length);
        }
    }
}
