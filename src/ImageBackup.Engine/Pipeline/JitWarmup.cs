using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;

namespace ImageBackup.Engine.Pipeline;

/// <summary>
/// Does on next to nothing what a job does with its data, while processors are idle: one derives a repository's key, or a lock
/// settles. The runtime compiles code when it is first used, if it was not compiled ahead (and what is made for this processor's
/// vectors never is): a job of a second in a process of its own would wait for it.
/// </summary>
internal static class JitWarmup
{
    private const int ContentBytes = 4096;
    private static int s_isDone;

    /// <summary>In the background, once a process: for who has a job before it, and something to wait for.</summary>
    public static void Begin() => _ = Task.Run(Run);

    /// <summary>Once a process; returns at once if it has begun already.</summary>
    public static void Run()
    {
        if (Interlocked.Exchange(ref s_isDone, 1) != 0)
            return;
        // Whatever fails here fails again in the run, which reports it.
        Task.WhenAny(Task.Run(Data)).Wait();
    }

    private static void Data()
    {
        byte[] content = new byte[ContentBytes];
        content[1] = 1;
        _ = ZeroCheck.IsZero(content);
        if (Gmac.IsSupported)
        {
            using var gmac = new Gmac(new byte[Gmac.KeySizeBytes]);
            _ = ChunkTag.Of(gmac, content);
        }
        _ = BlobHasher.Of([.. Enumerable.Repeat(new ArraySegment<byte>(content), BlobHasher.BatchCount)]);
        using var zstd = new Zstd();
        byte[] compressed = new byte[Zstd.Bound(content.Length)];
        _ = zstd.TryDecompress(compressed.AsSpan(0, zstd.Compress(content, compressed)), content);
    }
}
