using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Bench;

/// <summary>What comes after the first day: checks, a lost index, prune plans, expiry. Ours against restic, of the same repositories.</summary>
internal sealed class Maintenance(string work, HostProgram host, int runs, Func<string, bool> wants)
{
    private const int SmallChunkBytes = 64 << 10;

    /// <summary>One work, by its name in the table. What it changes is put back before each run.</summary>
    private sealed record Work(string Name, string Label, string Repository, string Script, string[] Restic)
    {
        /// <summary>Brings the repository to where each run begins.</summary>
        public Action Prepare { get; init; } = () => { };
    }

    private sealed record Timing(double Seconds, double SessionSeconds, long PeakBytes);

    /// <param name="dataMiB">The repository whose data is proven.</param>
    /// <param name="blobCount">Blobs of the one that has many.</param>
    /// <param name="imageCount">Images of the one that has many, without data.</param>
    public void Run(int dataMiB, int blobCount, int imageCount)
    {
        string data = Make("data", dataMiB, 1 << 20, 5 << 17, imageCount: 1), blobs = Make("blobs", blobCount, SmallChunkBytes, 512, imageCount: 1);
        string images = Make("images", 256, SmallChunkBytes, 512, imageCount);
        string tiny = Path.Combine(work, "tiny.img");
        File.WriteAllBytes(tiny, RandomNumberGenerator.GetBytes(1 << 16));
        Work[] works =
        [
            new("proof", $"proof of all data, {WorkFiles.SizeOf(data) / 1e9:F1} GB", data, "Test-ImageRepository -ReadData", ["check", "--read-data"]),
            new("lost", "index lost", data, "Repair-ImageRepository -Confirm:$false", ["rebuild-index"]) { Prepare = () => Empty(data, "index") },
            new("structure", $"structure check, {blobCount} blobs", blobs, "Test-ImageRepository", ["check"]),
            new("images", $"structure check, {imageCount} images", images, "Test-ImageRepository", ["check"]),
            new("plan", $"prune plan, {blobCount} blobs", blobs, "Optimize-ImageRepository -WhatIf", ["prune", "--dry-run"]),
            new("tiny", $"one more tiny backup, {blobCount} blobs", blobs, $"Backup-VolumeImage -Volume '{tiny}'", ["backup", "--force", tiny]) { Prepare = Copies(blobs, "index", "snapshots") },
            new("list", $"list, {imageCount} images", images, "Get-ImageBackup -IncludeInactive", ["snapshots", "--json"]),
            new("expire", $"expire {imageCount} images to the newest", images, "Get-ImageBackup -IncludeInactive | Select-Object -SkipLast 1 | Remove-ImageBackup -Confirm:$false", ["forget", "--keep-last", "1", "--group-by", "host"])
            {
                Prepare = Copies(images, "snapshots"),
            },
        ];
        bool hasRestic = Tool.Exists("restic");
        var timings = works.ToDictionary(w => w, _ => (Ours: new List<Timing>(), Restic: new List<Timing>()));
        // In turns: a machine that is slower for a minute is so for both.
        for (int run = 0; run < runs; run++)
        {
            foreach (Work each in works.Where(w => wants(w.Name)))
            {
                each.Prepare();
                WorkFiles.Rest(work);
                timings[each].Ours.Add(Ours(each));
                if (!hasRestic)
                    continue;
                each.Prepare();
                WorkFiles.Rest(work);
                Measurement restic = Tool.Measure("restic", ["-r", each.Repository, "--no-cache", "-q", .. each.Restic], Contenders.Secrets);
                timings[each].Restic.Add(new Timing(restic.Seconds, restic.Seconds, restic.PeakBytes));
            }
        }
        Console.WriteLine($"{runs} runs each, medians, in turns. Restic's time over ours; below 1 ours is slower.");
        Console.WriteLine();
        Console.WriteLine("| work | ours, whole process / within the session | restic | whole process | within the session | peak, ours / restic |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach ((Work each, (List<Timing> ours, List<Timing> restic)) in timings.Where(t => t.Value.Ours.Count > 0))
        {
            double whole = Median(ours, t => t.Seconds), session = Median(ours, t => t.SessionSeconds), peer = restic.Count > 0 ? Median(restic, t => t.Seconds) : double.NaN;
            Console.WriteLine(FormattableString.Invariant(
                $"| {each.Label} | {whole:F2} s / {session:F2} s | {peer:F2} s | {peer / whole:F2} | {peer / session:F2} | {ours.Max(t => t.PeakBytes) >> 20} / {(restic.Count > 0 ? restic.Max(t => t.PeakBytes) >> 20 : 0)} MiB |"));
        }
    }

    /// <summary>The command in a session that is connected, as an administrator has one, and in a process of its own.</summary>
    private Timing Ours(Work each)
    {
        Measurement run = host.Run($"Connect-ImageRepository -Repository '{each.Repository}' | Out-Null; $c = [Diagnostics.Stopwatch]::StartNew(); {each.Script} | Out-Null; [Console]::Out.WriteLine($c.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture))");
        return new Timing(run.Seconds, double.Parse(run.Output.Trim().Split('\n')[^1], CultureInfo.InvariantCulture), run.PeakBytes);
    }

    /// <summary>A repository of so many chunks, the first bytes of each random and the rest zeros, and of so many images that share all but one.</summary>
    private string Make(string name, int chunkCount, int chunkBytes, int randomBytes, int imageCount)
    {
        // In memory if it can be: a disk takes minutes to free the pieces of such a file.
        string path = Path.Combine(work, name), volume = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : work, $"imagebackup-bench-{Environment.ProcessId}-{name}.img");
        byte[] block = new byte[randomBytes];
        using (FileStream file = File.Create(volume))
        {
            file.SetLength((long)chunkCount * chunkBytes);
            for (int i = 0; i < chunkCount; i++)
                WriteRandom(file, (long)i * chunkBytes);
        }
        try
        {
            Store(path, volume, chunkBytes, imageCount, file => WriteRandom(file, 0));
        }
        finally
        {
            File.Delete(volume);
        }
        return path;

        void WriteRandom(FileStream file, long offsetBytes)
        {
            RandomNumberGenerator.Fill(block);
            file.Position = offsetBytes;
            file.Write(block);
        }
    }

    private static void Store(string path, string volume, int chunkBytes, int imageCount, Action<FileStream> change)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(Contenders.Secrets["RESTIC_PASSWORD"]));
        using ImageRepository repository = ImageRepository.Create(path, password, CancellationToken.None);
        for (int i = 0; i < imageCount; i++)
        {
            if (i > 0)
            {
                using FileStream file = File.OpenWrite(volume);
                change(file);
            }
            new BackupJob(repository, VolumeSystem.Current).Run(
                new BackupRequest { Volume = VolumeSystem.Current.Find(volume), ChunkSizeBytes = chunkBytes }, null, CancellationToken.None);
        }
    }

    private static void Empty(string repository, string folder)
    {
        foreach (string file in Directory.GetFiles(Path.Combine(repository, folder)))
            File.Delete(file);
    }

    /// <summary>What puts folders back to what they are now.</summary>
    private static Action Copies(string repository, params string[] folders)
    {
        foreach (string folder in folders)
            Tool.Run("cp", "-r", Path.Combine(repository, folder), $"{repository}-{folder}");
        return () =>
        {
            foreach (string folder in folders)
            {
                WorkFiles.Delete(Path.Combine(repository, folder));
                Tool.Run("cp", "-r", $"{repository}-{folder}", Path.Combine(repository, folder));
            }
        };
    }

    private static double Median(List<Timing> timings, Func<Timing, double> of)
    {
        double[] sorted = [.. timings.Select(of).Order()];
        return sorted[sorted.Length / 2];
    }
}
