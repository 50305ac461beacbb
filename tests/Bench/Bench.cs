using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace ImageBackup.Bench;

/// <summary>Runs ours and the peers over one volume and prints medians and ratios.</summary>
internal sealed class Bench(string volume, string work, string host, int runs, bool usesMap, Func<string, bool> wants)
{
    private sealed record Row(string Name, double First, double Second, double Restore, long StoredBytes, long PeakBytes, double JobFirst = 0, double JobSecond = 0);

    private static readonly Dictionary<string, string> s_secrets = new()
    {
        ["RESTIC_PASSWORD"] = "bench",
        ["BORG_PASSPHRASE"] = "bench",
        ["NO_COLOR"] = "1",
    };

    private string Output => Path.Combine(work, "restored.img");

    public void Run()
    {
        long sizeBytes = new FileInfo(volume).Length;
        Console.WriteLine($"Volume: {sizeBytes / (double)(1 << 30):F2} GiB, {Environment.ProcessorCount} cores, {runs} runs each, medians. First backup / unchanged second / restore to a file.");
        WarmUp();
        var rows = new List<Row>();
        void Add(string name, string? tool, Func<Row> measure)
        {
            if (!wants(name))
                return;
            if (tool is not null && !Tool.Exists(tool))
            {
                Console.WriteLine($"{name}: skipped, '{tool}' is not installed");
                return;
            }
            Row row = measure();
            rows.Add(row);
            Print(row);
        }

        Kernels.Result? kernels = wants("kernels") ? Kernels.Measure(volume, 400) : null;
        Add("ours", null, Ours);
        Add("restic", "restic", Restic);
        Add("borg", "borg", Borg);
        Add("partclone", "partclone.ext4", Partclone);
        Add("zstd", "zstd", WholeZstd);

        Console.WriteLine();
        if (kernels is not null)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"kernels on all cores: hash {kernels.HashSeconds:F2} s + compress {kernels.CompressSeconds:F2} s + encrypt {kernels.EncryptSeconds:F2} s = {kernels.SumSeconds:F2} s over {kernels.NonZeroChunkCount} chunks that hold data"));
            Console.WriteLine(FormattableString.Invariant(
                $"the format also asks for the packs' own hashes ({kernels.PackHashSeconds:F2} s), the proof of each ciphertext ({kernels.ProveSeconds:F2} s) and reading ({kernels.ReadSeconds:F2} s on one core)"));
        }
        if (rows.Find(r => r.Name == "ours") is { } ours)
        {
            foreach (Row peer in rows.Where(r => r.Name != "ours"))
            {
                Console.WriteLine(FormattableString.Invariant(
                    $"against {peer.Name,-10} first {Ratio(peer.First, ours.First)}  second {Ratio(peer.Second, ours.Second)}  restore {Ratio(peer.Restore, ours.Restore)}  stored {(double)ours.StoredBytes / peer.StoredBytes:F2}"));
            }
            // The kernels ran over every chunk that holds data, the stale ones that a map leaves out too.
            if (kernels is not null && !usesMap)
            {
                Console.WriteLine(FormattableString.Invariant(
                    $"the first backup's job took {ours.JobFirst:F2} s: {kernels.SumSeconds / ours.JobFirst:P0} of the kernel sum's speed ({(kernels.SumSeconds + kernels.PackHashSeconds + kernels.ProveSeconds) / ours.JobFirst:P0} with pack hashes and proofs counted as work)"));
            }
            Console.WriteLine(FormattableString.Invariant($"jobs without the engine's start: first {ours.JobFirst:F2} s, second {ours.JobSecond:F2} s"));
        }
        if (wants("catalog"))
            Catalog();
        if (wants("expiry"))
            Expiry.Measure(Path.Combine(work, "expiry"));
        if (wants("prune"))
            Prune();
    }

    private static string Ratio(double peer, double ours) => peer > 0 && ours > 0 ? (peer / ours).ToString("F2", CultureInfo.InvariantCulture) + "x" : "-";

    private static void Print(Row row) => Console.WriteLine(FormattableString.Invariant(
        $"{row.Name,-10} first {row.First,7:F2} s  second {row.Second,7:F2} s  restore {row.Restore,7:F2} s  stored {row.StoredBytes / 1e9,6:F3} GB  peak {row.PeakBytes / (double)(1 << 20),5:F0} MiB"));

    private void WarmUp()
    {
        using FileStream stream = File.OpenRead(volume);
        byte[] buffer = new byte[1 << 20];
        while (stream.Read(buffer) > 0)
        {
        }
    }

    private Measurement Host(string script)
    {
        (string program, string[] prefix) = host.EndsWith(".dll", StringComparison.Ordinal) ? ("dotnet", new[] { host }) : (host, Array.Empty<string>());
        return Tool.Measure(program, [.. prefix, "-NoLogo", "-NonInteractive", "-Command", script], s_secrets);
    }

    private Row Ours()
    {
        string repository = Path.Combine(work, "ours");
        string gap = usesMap ? "" : " -GapSize 0";
        string backup = $"$b = Backup-VolumeImage -Volume '{volume}' -Repository '{repository}'{gap}; [Console]::Out.WriteLine('' + $b.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $b.Id)";
        var first = new List<Measurement>();
        var second = new List<Measurement>();
        var restore = new List<Measurement>();
        long stored = 0;
        for (int run = 0; run < runs; run++)
        {
            Delete(repository);
            Host($"Initialize-ImageRepository -Path '{repository}' | Out-Null");
            first.Add(Host(backup));
            stored = SizeOf(repository);
            second.Add(Host(backup));
            string id = second[^1].Output.Trim().Split(' ')[^1];
            Delete(Output);
            restore.Add(Host($"Restore-VolumeImage -ImageBackup {id} -Destination '{Output}' -Repository '{repository}' -Confirm:$false | Out-Null"));
        }
        Compare();
        Delete(repository);
        return new Row("ours", Median(first), Median(second), Median(restore), stored, first.Concat(second).Concat(restore).Max(m => m.PeakBytes),
            JobSeconds(first), JobSeconds(second));
    }

    private static double JobSeconds(List<Measurement> measurements) =>
        measurements.Select(m => double.Parse(m.Output.Trim().Split('\n')[^1].Split(' ')[0], CultureInfo.InvariantCulture)).Order().ElementAt(measurements.Count / 2);

    private Row Restic()
    {
        string repository = Path.Combine(work, "restic"), cache = Path.Combine(work, "restic-cache"), target = Path.Combine(work, "restic-out");
        return Repeat("restic", repository,
            () => Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "init"], s_secrets),
            // A changed time makes restic read the file again, as it would a device.
            () =>
            {
                File.SetLastWriteTimeUtc(volume, DateTime.UtcNow);
                return Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "backup", "-q", "--force", volume], s_secrets);
            },
            () => Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "restore", "-q", "latest", "--target", target], s_secrets), target);
    }

    private Row Borg()
    {
        string repository = Path.Combine(work, "borg"), target = Path.Combine(work, "borg-out");
        var environment = new Dictionary<string, string>(s_secrets) { ["BORG_BASE_DIR"] = Path.Combine(work, "borg-base"), ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes" };
        Directory.CreateDirectory(environment["BORG_BASE_DIR"]);
        int archive = 0;
        return Repeat("borg", repository,
            () => Tool.Measure("borg", ["init", "-e", "repokey", repository], environment),
            () =>
            {
                File.SetLastWriteTimeUtc(volume, DateTime.UtcNow);
                return Tool.Measure("borg", ["create", "--chunker-params", "fixed,1048576", "-C", "zstd,1", "--files-cache", "disabled", $"{repository}::a{++archive}", volume], environment);
            },
            () =>
            {
                Directory.CreateDirectory(target);
                return Tool.Measure("sh", ["-c", $"cd '{target}' && borg extract --sparse '{repository}::a{archive}'"], environment);
            }, target);
    }

    private Row Partclone()
    {
        string image = Path.Combine(work, "partclone.zst");
        string save = $"set -o pipefail; partclone.ext4 -c -q -s '{volume}' -o - 2>/dev/null | zstd -q -f -1 -T{Environment.ProcessorCount} -o '{image}'";
        string load = $"set -o pipefail; zstd -q -dc '{image}' | partclone.restore -q -C -s - -O '{Output}' 2>/dev/null";
        var first = Times(() => Tool.Measure("bash", ["-c", save]), () => Delete(image));
        long stored = new FileInfo(image).Length;
        var restore = Times(() => Tool.Measure("bash", ["-c", load]), () =>
        {
            Delete(Output);
            Tool.Run("truncate", "-s", new FileInfo(volume).Length.ToString(CultureInfo.InvariantCulture), Output);
        });
        Delete(image);
        return new Row("partclone", Median(first), Median(first), Median(restore), stored, first.Concat(restore).Max(m => m.PeakBytes));
    }

    private Row WholeZstd()
    {
        string image = Path.Combine(work, "volume.zst");
        var first = Times(() => Tool.Measure("zstd", ["-q", "-f", "-1", $"-T{Environment.ProcessorCount}", volume, "-o", image]), () => Delete(image));
        long stored = new FileInfo(image).Length;
        var restore = Times(() => Tool.Measure("zstd", ["-q", "-d", "-f", "--sparse", image, "-o", Output]), () => Delete(Output));
        Delete(image);
        return new Row("zstd", Median(first), Median(first), Median(restore), stored, first.Concat(restore).Max(m => m.PeakBytes));
    }

    /// <summary>Listing 1,000 images, and the module's import on top of the engine's start.</summary>
    private void Catalog()
    {
        string repository = Path.Combine(work, "catalog"), tiny = Path.Combine(work, "tiny.img");
        File.WriteAllBytes(tiny, new byte[1 << 20]);
        Host($"Initialize-ImageRepository -Path '{repository}' | Out-Null; Connect-ImageRepository -Repository '{repository}' | Out-Null; foreach ($i in 1..1000) {{ Backup-VolumeImage -Volume '{tiny}' | Out-Null }}");
        string list = $"$c = [Diagnostics.Stopwatch]::StartNew(); $n = @(Get-ImageBackup -Repository '{repository}' -IncludeInactive).Count; [Console]::Out.WriteLine('' + $c.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $n)";
        string[] listed = Times(() => Host(list), () => { }).Select(m => m.Output.Trim()).OrderBy(o => double.Parse(o.Split(' ')[0], CultureInfo.InvariantCulture)).ToArray();
        Console.WriteLine($"Get-ImageBackup: {listed[listed.Length / 2].Split(' ')[0]} s for {listed[0].Split(' ')[1]} images (opening the repository included, engine start not)");
        Delete(repository);
    }

    /// <summary>Half of the volume's images removed, then what only they had: ours against restic's prune of a copy of the same repository.</summary>
    private void Prune()
    {
        string repository = Path.Combine(work, "prune"), copy = Path.Combine(work, "prune-copy"), changed = Path.Combine(work, "changed.img");
        Host($"Initialize-ImageRepository -Path '{repository}' | Out-Null; Backup-VolumeImage -Volume '{volume}' -Repository '{repository}' -GapSize 0 | Out-Null");
        // Every second chunk of 1 MiB differs: each pack of the first image is half in use afterwards.
        Tool.Run("cp", volume, changed);
        byte[] block = new byte[4096];
        using (FileStream file = File.OpenWrite(changed))
        {
            for (long offset = 0; offset < file.Length - block.Length; offset += 2 << 20)
            {
                new Random((int)(offset >> 20)).NextBytes(block);
                file.Position = offset;
                file.Write(block);
            }
        }
        string id = Host($"$b = Backup-VolumeImage -Volume '{changed}' -Repository '{repository}' -GapSize 0; [Console]::Out.WriteLine($b.Id)").Output.Trim().Split('\n')[^1];
        Host($"Get-ImageBackup -Repository '{repository}' -IncludeInactive | Where-Object {{ $_.Id -ne '{id}' }} | Remove-ImageBackup -Repository '{repository}' -Confirm:$false");
        Delete(copy);
        Tool.Run("cp", "-r", repository, copy);
        long before = SizeOf(repository);
        Measurement ours = Host($"$c = [Diagnostics.Stopwatch]::StartNew(); $r = Optimize-ImageRepository -Repository '{repository}' -MaxUnused 0; [Console]::Out.WriteLine('' + $c.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $r.RepackedBytes)");
        string[] figures = ours.Output.Trim().Split('\n')[^1].Split(' ');
        Console.WriteLine(FormattableString.Invariant(
            $"prune      ours   {ours.Seconds,7:F2} s (the command {figures[0]} s), {long.Parse(figures[1], CultureInfo.InvariantCulture) / 1e9:F3} GB written again, {before / 1e9:F3} -> {SizeOf(repository) / 1e9:F3} GB, peak {ours.PeakBytes / (double)(1 << 20):F0} MiB"));
        if (Tool.Exists("restic"))
        {
            Measurement restic = Tool.Measure("restic", ["-r", copy, "--cache-dir", Path.Combine(work, "prune-cache"), "prune", "-q", "--max-unused", "0"], s_secrets);
            Console.WriteLine(FormattableString.Invariant(
                $"prune      restic {restic.Seconds,7:F2} s, {before / 1e9:F3} -> {SizeOf(copy) / 1e9:F3} GB, peak {restic.PeakBytes / (double)(1 << 20):F0} MiB; ours {Ratio(restic.Seconds, ours.Seconds)}"));
        }
        Delete(repository);
        Delete(copy);
        Delete(changed);
    }

    private Row Repeat(string name, string repository, Action create, Func<Measurement> backup, Func<Measurement> load, string target)
    {
        var first = new List<Measurement>();
        var second = new List<Measurement>();
        var restore = new List<Measurement>();
        long stored = 0;
        for (int run = 0; run < runs; run++)
        {
            Delete(repository);
            create();
            first.Add(backup());
            stored = SizeOf(repository);
            second.Add(backup());
            Delete(target);
            restore.Add(load());
        }
        Delete(repository);
        Delete(target);
        return new Row(name, Median(first), Median(second), Median(restore), stored, first.Concat(second).Concat(restore).Max(m => m.PeakBytes));
    }

    private List<Measurement> Times(Func<Measurement> measure, Action before) => Enumerable.Range(0, runs).Select(_ =>
    {
        before();
        return measure();
    }).ToList();

    private void Compare()
    {
        if (usesMap)
            return;
        Tool.Run("cmp", volume, Output);
        Delete(Output);
    }

    private static double Median(IEnumerable<Measurement> measurements)
    {
        double[] sorted = measurements.Select(m => m.Seconds).Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static long SizeOf(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    private static void Delete(string path)
    {
        if (Directory.Exists(path))
            Tool.Run("rm", "-rf", path);
        else
            File.Delete(path);
    }
}
