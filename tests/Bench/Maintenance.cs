using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Bench;

/// <summary>What comes after the first day: checks, a lost index, prunes, expiry. Ours against restic, of the same repositories.</summary>
internal sealed class Maintenance(string work, HostProgram host, int runs, Func<string, bool> wants)
{
    private const int SmallChunkBytes = 64 << 10;

    /// <summary>What does not compress of a small chunk, and of a chunk of 1 MiB.</summary>
    private const int SmallDataBytes = 512, DataBytes = 5 << 17;

    /// <summary>One work, by its name in the table. What it changes is put back before each run.</summary>
    private sealed record Work(string Name, string Label, string Repository, string Script, string[] Restic)
    {
        /// <summary>Brings the repository to where each run begins.</summary>
        public Action Prepare { get; init; } = () => { };
    }

    /// <summary>Two commands that both tools' works contain: what the process needs until it has a repository.</summary>
    private const string Start = "start", Connect = "connect";

    /// <param name="Seconds">Wall time of the process.</param>
    /// <param name="SessionSeconds">Of the command alone, in a session that is connected; of restic the process.</param>
    /// <param name="CpuSeconds">Processor time of the process.</param>
    /// <param name="SessionCpuSeconds">Of the command alone.</param>
    /// <param name="PeakBytes">The most memory.</param>
    private sealed record Timing(double Seconds, double SessionSeconds, double CpuSeconds, double SessionCpuSeconds, long PeakBytes);

    /// <param name="dataMiB">The repository whose data is proven.</param>
    /// <param name="pruneMiB">The one of which half goes.</param>
    /// <param name="blobCount">Blobs of the one that has many.</param>
    /// <param name="imageCount">Images of the one that has many, without data.</param>
    /// <param name="keptCount">So many of these stay when the others expire.</param>
    public void Run(int dataMiB, int pruneMiB, int blobCount, int imageCount, int keptCount)
    {
        List<Work> works = [];
        if (Any("proof", "lost"))
        {
            string data = Make("data", dataMiB, 1 << 20, DataBytes);
            works.Add(new("proof", $"proof of all data, {WorkFiles.SizeOf(data) / 1e9:F1} GB", data, "Test-ImageRepository -ReadData", ["check", "--read-data"]) { Prepare = () => WorkFiles.LoadAll(data) });
            works.Add(new("lost", "index lost", data, "Repair-ImageRepository -Confirm:$false", ["rebuild-index"]) { Prepare = () => { Empty(data, "index"); WorkFiles.LoadAll(data); } });
        }
        if (Any("structure", "plan", "tiny"))
        {
            string blobs = Make("blobs", blobCount, SmallChunkBytes, SmallDataBytes), tiny = Path.Combine(work, "tiny.img");
            File.WriteAllBytes(tiny, RandomNumberGenerator.GetBytes(1 << 16));
            works.Add(new("structure", $"structure check, {blobCount} blobs", blobs, "Test-ImageRepository", ["check"]));
            works.Add(new("plan", $"prune plan, {blobCount} blobs", blobs, "Optimize-ImageRepository -WhatIf", ["prune", "--dry-run"]));
            works.Add(new("tiny", $"one more tiny backup, {blobCount} blobs", blobs, $"Backup-VolumeImage -Volume '{tiny}'", ["backup", "--force", tiny]) { Prepare = Copies(blobs, "index", "snapshots") });
        }
        if (Any("images", "list", "expire"))
        {
            string images = Make("images", 256, SmallChunkBytes, SmallDataBytes);
            FurtherImages.Add(images, imageCount - 1);
            works.Add(new("images", $"structure check, {imageCount} images", images, "Test-ImageRepository", ["check"]));
            works.Add(new("list", $"list, {imageCount} images", images, "Get-ImageBackup -IncludeInactive", ["snapshots", "--json"]));
            works.Add(new("expire", $"expire {imageCount} images to {keptCount}", images,
                $"Get-ImageBackup -IncludeInactive | Select-Object -SkipLast {keptCount} | Remove-ImageBackup -Confirm:$false",
                ["forget", "--keep-last", keptCount.ToString(CultureInfo.InvariantCulture), "--group-by", "host"])
            {
                Prepare = Copies(images, "snapshots"),
            });
        }
        if (Any("prune"))
        {
            string half = MakeHalfUsed("prune", pruneMiB);
            works.Add(new("prune", $"prune of half, {WorkFiles.SizeOf(half) / 1e9:F1} GB", half, "Optimize-ImageRepository -MaxUnused 0 -Confirm:$false", ["prune", "--max-unused", "0"])
            {
                Prepare = Copies(half, "data", "index", "snapshots"),
            });
        }
        if (works.Count == 0)
            throw new ArgumentException("--only names no work of --maintain.");
        works.Add(new(Start, "the Host's start with the module", works[0].Repository, "", []));
        works.Add(new(Connect, "and the opening of a repository", works[0].Repository, "", []));
        bool hasRestic = Tool.Exists("restic");
        var timings = works.ToDictionary(w => w, _ => (Ours: new List<Timing>(), Restic: new List<Timing>()));
        // In turns: a machine that is slower for a minute is so for both.
        for (int run = 0; run < runs; run++)
        {
            foreach (Work each in works.Where(w => w.Name is Start or Connect || wants(w.Name)))
            {
                each.Prepare();
                WorkFiles.Rest(work);
                timings[each].Ours.Add(Ours(each));
                if (!hasRestic || each.Restic.Length == 0)
                    continue;
                each.Prepare();
                WorkFiles.Rest(work);
                Measurement restic = Tool.Measure("restic", ["-r", each.Repository, "--no-cache", "-q", .. each.Restic], Contenders.Secrets);
                timings[each].Restic.Add(new Timing(restic.Seconds, restic.Seconds, restic.CpuSeconds, restic.CpuSeconds, restic.PeakBytes));
            }
        }
        Console.WriteLine($"{runs} runs each, medians, in turns. Restic's time over ours; below 1 ours is slower.");
        Console.WriteLine();
        Console.WriteLine("| work | ours, whole process / within the session | restic | whole process | within the session | processor time: ours, whole / within; restic | peak, ours / restic |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach ((Work each, (List<Timing> ours, List<Timing> restic)) in timings.Where(t => t.Value.Ours.Count > 0))
        {
            double whole = Median(ours, t => t.Seconds), session = Median(ours, t => t.SessionSeconds), cpu = Median(ours, t => t.CpuSeconds), sessionCpu = Median(ours, t => t.SessionCpuSeconds);
            string ownTimes = FormattableString.Invariant($"| {each.Label} | {whole:F2} s / {session:F2} s |");
            if (restic.Count == 0)
            {
                Console.WriteLine(FormattableString.Invariant($"{ownTimes} | | | {cpu:F2} s / {sessionCpu:F2} s | {ours.Max(t => t.PeakBytes) >> 20} MiB |"));
                continue;
            }
            double peer = Median(restic, t => t.Seconds);
            Console.WriteLine(FormattableString.Invariant(
                $"{ownTimes} {peer:F2} s | {peer / whole:F2} | {peer / session:F2} | {cpu:F2} s / {sessionCpu:F2} s; {Median(restic, t => t.CpuSeconds):F2} s | {ours.Max(t => t.PeakBytes) >> 20} / {restic.Max(t => t.PeakBytes) >> 20} MiB |"));
        }
    }

    private bool Any(params string[] names) => names.Any(wants);

    /// <summary>The command in a session that is connected, as an administrator has one, and in a process of its own.</summary>
    private Timing Ours(Work each)
    {
        string connect = each.Name == Start ? "" : $"Connect-ImageRepository -Repository '{each.Repository}' | Out-Null; ", command = each.Script.Length == 0 ? "" : each.Script + " | Out-Null; ";
        Measurement run = host.Run($"{connect}$p = [Diagnostics.Process]::GetCurrentProcess(); $t = $p.TotalProcessorTime; $c = [Diagnostics.Stopwatch]::StartNew(); {command}"
            + "$e = $c.Elapsed.TotalSeconds; $p.Refresh(); [Console]::Out.WriteLine([string]::Format([cultureinfo]::InvariantCulture, '{0} {1}', $e, ($p.TotalProcessorTime - $t).TotalSeconds))");
        double[] figures = [.. run.Output.Trim().Split('\n')[^1].Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))];
        return new Timing(run.Seconds, figures[0], run.CpuSeconds, figures[1], run.PeakBytes);
    }

    /// <summary>A repository of one image of so many chunks, the first bytes of each random and the rest zeros.</summary>
    private string Make(string name, int chunkCount, int chunkBytes, int randomBytes)
    {
        string path = Path.Combine(work, name);
        using var volume = new NoiseVolume(work, name, chunkCount, chunkBytes, randomBytes);
        using ImageRepository repository = Create(path);
        BackUp(repository, volume.Path, chunkBytes);
        return path;
    }

    /// <summary>A repository of a volume of which every second chunk has changed since its first image, which is gone: half of each of the packs of that is in use.</summary>
    private string MakeHalfUsed(string name, int chunkCount)
    {
        string path = Path.Combine(work, name);
        using var volume = new NoiseVolume(work, name, chunkCount, 1 << 20, DataBytes);
        using ImageRepository repository = Create(path);
        string first = BackUp(repository, volume.Path, 1 << 20);
        volume.Change(every: 2);
        BackUp(repository, volume.Path, 1 << 20);
        new RemoveJob(repository).Remove([first], expiredBy: null, onWarning: null, CancellationToken.None);
        return path;
    }

    private static ImageRepository Create(string path)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(Contenders.Secrets["RESTIC_PASSWORD"]));
        return ImageRepository.Create(path, password, CancellationToken.None);
    }

    private static string BackUp(ImageRepository repository, string volume, int chunkBytes) => new BackupJob(repository, VolumeSystem.Current).Run(
        new BackupRequest { Volume = VolumeSystem.Current.Find(volume), ChunkSizeBytes = chunkBytes }, null, CancellationToken.None).Id;

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

    private static double Median(List<Timing> timings, Func<Timing, double> of) => MiddleValue.Median(timings.Select(of));
}
