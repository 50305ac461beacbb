using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Bench;

/// <summary>
/// The pipeline's own kernels, each alone on all cores over a sample of the same volume: hashing the chunks, compressing
/// them, sealing what comes out. Their sum is the time below which no arrangement of them can get.
/// </summary>
internal static class Kernels
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>
    /// Seconds that all non-zero chunks of the volume would take in each kernel on all cores; reading the volume and writing what is
    /// stored (into the system's memory, without a flush) on one.
    /// </summary>
    public sealed record Result(double HashSeconds, double CompressSeconds, double EncryptSeconds, double PackHashSeconds, double ProveSeconds, double ReadSeconds, double WriteSeconds, long NonZeroChunkCount)
    {
        public double SumSeconds => HashSeconds + CompressSeconds + EncryptSeconds;

        /// <summary>The sum and whatever else the format asks for, on all cores: what a job would take that did nothing besides.</summary>
        public double LeastSeconds => SumSeconds + PackHashSeconds + ProveSeconds + (ReadSeconds + WriteSeconds) / Environment.ProcessorCount;
    }

    public static Result Measure(string volume, string work, int sampleCount)
    {
        using FileStream stream = File.OpenRead(volume);
        // Every n-th non-zero chunk: the sample has the volume's mix of contents.
        var offsets = new List<long>();
        byte[] buffer = new byte[ChunkBytes];
        var readClock = Stopwatch.StartNew();
        for (long offset = 0; offset + ChunkBytes <= stream.Length; offset += ChunkBytes)
        {
            stream.Position = offset;
            stream.ReadExactly(buffer);
            if (!ZeroCheck.IsZero(buffer))
                offsets.Add(offset);
        }
        double readSeconds = readClock.Elapsed.TotalSeconds;
        int step = Math.Max(1, offsets.Count / sampleCount);
        byte[][] sample = offsets.Where((_, i) => i % step == 0).Select(o =>
        {
            byte[] chunk = new byte[ChunkBytes];
            stream.Position = o;
            stream.ReadExactly(chunk);
            return chunk;
        }).ToArray();

        byte[][] compressed = new byte[sample.Length][];
        using (var zstd = new Zstd())
        {
            byte[] target = new byte[Zstd.Bound(ChunkBytes)];
            for (int i = 0; i < sample.Length; i++)
            {
                int length = zstd.Compress(sample[i], target);
                compressed[i] = length < ChunkBytes ? target.AsSpan(0, length).ToArray() : sample[i];
            }
        }
        using MasterKey key = MasterKey.Generate();
        double scale = (double)offsets.Count / sample.Length;

        // As the pipeline does: in batches if that is faster.
        ArraySegment<byte>[][] batches = sample.Select(c => new ArraySegment<byte>(c)).Chunk(BlobHasher.BatchCount).ToArray();
        double hash = scale * OnAllCores(batches.Length, () => { }, (_, i) => BlobHasher.Of(batches[i]));
        double compress = scale * OnAllCores(sample.Length, () => (new Zstd(), new byte[Zstd.Bound(ChunkBytes)]), (s, i) => s.Item1.Compress(sample[i], s.Item2));
        double encrypt = scale * OnAllCores(sample.Length, () => (new Sealer(key), new byte[ChunkBytes + Sealer.OverheadBytes]),
            (s, i) => s.Item1.Seal(compressed[i], s.Item2.AsSpan(0, compressed[i].Length + Sealer.OverheadBytes)));
        double packHash = scale * OnAllCores(sample.Length, () => { }, (_, i) => BlobId.Of(compressed[i]));
        double prove = scale * OnAllCores(sample.Length, () =>
        {
            var sealer = new Sealer(key);
            return (sealer, compressed.Select(c =>
            {
                byte[] sealedBytes = new byte[c.Length + Sealer.OverheadBytes];
                sealer.Seal(c, sealedBytes);
                return sealedBytes;
            }).ToArray());
        }, (s, i) => s.sealer.Proves(s.Item2[i], compressed[i]));
        return new Result(hash, compress, encrypt, packHash, prove, readSeconds, scale * Writing(compressed, work), offsets.Count);
    }

    /// <summary>The shortest of three passes that write the sample into new files of a pack's size.</summary>
    private static double Writing(byte[][] compressed, string work)
    {
        string directory = Path.Combine(work, "written");
        double best = double.MaxValue;
        for (int pass = 0; pass < 3; pass++)
        {
            Directory.CreateDirectory(directory);
            var clock = Stopwatch.StartNew();
            int next = 0;
            for (int file = 0; next < compressed.Length; file++)
            {
                using var stream = new FileStream(Path.Combine(directory, file.ToString(CultureInfo.InvariantCulture)), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
                while (next < compressed.Length && stream.Length < RepositoryFormat.PackSizeBytes)
                    stream.Write(compressed[next++]);
            }
            best = Math.Min(best, clock.Elapsed.TotalSeconds);
            Directory.Delete(directory, recursive: true);
        }
        return best;
    }

    private static double OnAllCores(int count, Action prepare, Action<int, int> work) =>
        OnAllCores(count, () =>
        {
            prepare();
            return 0;
        }, work);

    /// <summary>
    /// The shortest of three passes or more over the sample, split over one thread a core: passes go on for a second, in which
    /// the kernel's code is compiled well.
    /// </summary>
    private static double OnAllCores<T>(int count, Func<T> prepare, Action<T, int> work)
    {
        double best = double.MaxValue;
        var sinceFirst = Stopwatch.StartNew();
        for (int pass = 0; pass < 3 || sinceFirst.ElapsedMilliseconds < 1000; pass++)
        {
            int next = -1, threadCount = Environment.ProcessorCount;
            var clock = new Stopwatch();
            // The clock starts when the last thread is ready, on that thread: this one may be scheduled late.
            using var ready = new Barrier(threadCount, _ => clock.Start());
            Thread[] threads = Enumerable.Range(0, threadCount).Select(_ => new Thread(() =>
            {
                T state = prepare();
                ready.SignalAndWait();
                for (int i; (i = Interlocked.Increment(ref next)) < count;)
                    work(state, i);
            })).ToArray();
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();
            best = Math.Min(best, clock.Elapsed.TotalSeconds);
        }
        return best;
    }
}
