using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Bench;

/// <summary>
/// What small changes cost by the size of a chunk: rounds in which one hundredth of the data changes, as files that are written anew, and one
/// of a thousand scattered writes of 4 KiB, as a database does them. Every size and restic back up the same volume in each round.
/// </summary>
/// <param name="volume">The volume; it stays as it is.</param>
/// <param name="work">Where the repositories go, and the volume that changes.</param>
/// <param name="roundCount">Rounds.</param>
/// <param name="chunkSizes">Chunk sizes; null: all.</param>
/// <param name="transactionCount">A round is so many of pgbench's transactions, and there are no scattered writes; null: files are written anew.</param>
/// <param name="wants">Whose turn is wanted.</param>
internal sealed class Churn(string volume, string work, int roundCount, IEnumerable<int>? chunkSizes, int? transactionCount, Func<string, bool> wants)
{
    private const int BlockBytes = 4096;
    private const int MeanRunBlocks = 32;
    private const int ScatteredCount = 1000;

    private sealed record Row(string Name, int? ChunkBytes, string Repository)
    {
        public double FirstSeconds { get; set; }
        public double FirstProcessorSeconds { get; set; }
        public long FirstBytes { get; set; }
        public long ChurnBytes { get; set; }
        public long ScatteredBytes { get; set; }
        public long IndexBytes { get; set; }
    }

    public void Run()
    {
        string changing = Path.Combine(work, "churn.img");
        Tool.Run("cp", "--sparse=always", volume, changing);
        List<Row> rows = [.. (chunkSizes ?? Enumerable.Range(16, 7).Select(bits => 1 << bits)).Where(_ => wants("ours"))
            .Select(size => new Row($"{size >> 10} KiB", size, Path.Combine(work, $"churn-{size >> 10}")))];
        if (wants("restic") && Tool.Exists("restic"))
            rows.Add(new Row("restic", null, Path.Combine(work, "churn-restic")));
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes("bench"));
        foreach (Row row in rows)
        {
            if (row.ChunkBytes is not null)
                ImageRepository.Create(row.Repository, password, CancellationToken.None).Dispose();
            else
                Tool.Measure("restic", ["-r", row.Repository, "--no-cache", "init"], Contenders.Secrets);
            (row.FirstSeconds, row.FirstProcessorSeconds) = Backup(row, changing, password);
            row.FirstBytes = WorkFiles.SizeOf(row.Repository);
        }
        var random = new Random(5);
        long churned = 0;
        for (int round = 0; round < roundCount; round++)
        {
            churned += transactionCount is { } count ? Transact(changing, count) : Change(changing, random, new FileInfo(volume).Length / 100, MeanRunBlocks);
            foreach (Row row in rows)
                Backup(row, changing, password);
        }
        foreach (Row row in rows)
            row.ChurnBytes = WorkFiles.SizeOf(row.Repository) - row.FirstBytes;
        long scatteredBytes = transactionCount is null ? Change(changing, random, ScatteredCount * BlockBytes, meanRunBlocks: 1) : 0;
        foreach (Row row in rows)
        {
            if (scatteredBytes > 0)
                Backup(row, changing, password);
            row.ScatteredBytes = WorkFiles.SizeOf(row.Repository) - row.FirstBytes - row.ChurnBytes;
            if (row.ChunkBytes is not null)
            {
                using ImageRepository repository = ImageRepository.Open(row.Repository, password, CancellationToken.None);
                row.IndexBytes = repository.LoadIndex(CancellationToken.None).MemoryBytes;
            }
            WorkFiles.Delete(row.Repository);
        }
        File.Delete(changing);
        Console.WriteLine(FormattableString.Invariant($"{new FileInfo(volume).Length / 1e9:F2} GB, the whole volume; {roundCount} rounds changed {churned / 1e6:F0} MB, scattered writes {scatteredBytes / 1e6:F1} MB."));
        Console.WriteLine();
        Console.WriteLine("| chunk | first, time | processor | stored | rounds stored | scattered stored | index in memory |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"| {row.Name} | {row.FirstSeconds:F2} s | {row.FirstProcessorSeconds:F2} s | {row.FirstBytes / 1e6:F1} MB | {row.ChurnBytes / 1e6:F1} MB | {row.ScatteredBytes / 1e6:F1} MB | {(row.IndexBytes > 0 ? $"{row.IndexBytes >> 10} KiB" : "")} |"));
        }
    }

    private static (double Seconds, double ProcessorSeconds) Backup(Row row, string path, RepositoryPassword password)
    {
        if (row.ChunkBytes is not { } chunkBytes)
        {
            Measurement taken = Tool.Measure("sh", ["-c", $"restic -r '{row.Repository}' --no-cache backup -q --stdin --stdin-filename volume.img < '{path}'"], Contenders.Secrets);
            return (taken.Seconds, double.NaN);
        }
        using ImageRepository repository = ImageRepository.Open(row.Repository, password, CancellationToken.None);
        using var self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        new BackupJob(repository, VolumeSystem.Current).Run(
            new BackupRequest { Volume = VolumeSystem.Current.Find(path), ChunkSizeBytes = chunkBytes, GapSizeBytes = 0 }, null, CancellationToken.None);
        double seconds = clock.Elapsed.TotalSeconds;
        self.Refresh();
        return (seconds, (self.TotalProcessorTime - before).TotalSeconds);
    }

    /// <summary>A round of pgbench. Says how many bytes of the volume differ after it, by blocks.</summary>
    private long Transact(string path, int count)
    {
        string before = Path.Combine(work, "before.img");
        Tool.Run("cp", "--sparse=always", path, before);
        PostgresVolume.Work(path, count);
        long changedBytes = 0;
        using FileStream one = File.OpenRead(before), other = File.OpenRead(path);
        byte[] was = new byte[1 << 20], now = new byte[1 << 20];
        for (int countBytes; (countBytes = one.ReadAtLeast(was, was.Length, throwOnEndOfStream: false)) > 0;)
        {
            other.ReadExactly(now, 0, countBytes);
            for (int offset = 0; offset < countBytes; offset += BlockBytes)
            {
                int blockBytes = Math.Min(BlockBytes, countBytes - offset);
                if (!was.AsSpan(offset, blockBytes).SequenceEqual(now.AsSpan(offset, blockBytes)))
                    changedBytes += blockBytes;
            }
        }
        File.Delete(before);
        return changedBytes;
    }

    /// <summary>Writes runs of other blocks of the volume, so that they compress as these do, each block unlike all others.</summary>
    /// <returns>How many bytes it wrote.</returns>
    private static long Change(string path, Random random, long wantedBytes, int meanRunBlocks)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        long blockCount = file.Length / BlockBytes, done = 0;
        byte[] block = new byte[BlockBytes], there = new byte[BlockBytes];
        while (done < wantedBytes)
        {
            int run = meanRunBlocks == 1 ? 1 : 1 + (int)Math.Min(1024, -Math.Log(1 - random.NextDouble()) * meanRunBlocks);
            long to = random.NextInt64(blockCount - run), from = random.NextInt64(blockCount - run);
            for (int i = 0; i < run && done < wantedBytes; i++)
            {
                Read(file, to + i, there);
                Read(file, from + i, block);
                // What is free stays free.
                if (there.AsSpan().IndexOfAnyExcept((byte)0) < 0 || block.AsSpan().IndexOfAnyExcept((byte)0) < 0)
                    break;
                random.NextBytes(block.AsSpan(0, 16));
                file.Position = (to + i) * BlockBytes;
                file.Write(block);
                done += BlockBytes;
            }
        }
        return done;
    }

    private static void Read(FileStream file, long block, byte[] target)
    {
        file.Position = block * BlockBytes;
        file.ReadExactly(target);
    }
}
