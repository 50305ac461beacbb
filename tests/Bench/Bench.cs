using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>Runs ours and the peers over one volume and prints medians and ratios.</summary>
internal sealed class Bench(string volume, string work, string host, int runs, bool usesMap, Func<string, bool> wants)
{
    private sealed record Row(string Name, double First, double Second, double Restore, double Durable, long StoredBytes, long PeakBytes, double JobFirst = 0, double JobSecond = 0);

    private readonly HostProgram _host = new(host);

    public void Run()
    {
        long sizeBytes = new FileInfo(volume).Length;
        Console.WriteLine($"Volume: {sizeBytes / (double)(1 << 30):F2} GiB, {Environment.ProcessorCount} cores, {runs} runs each, medians. First backup / unchanged second / restore to a file / the same until it is on the disk. Each begins with a disk that rests and the volume in memory.");
        var rounds = new List<(string Name, Func<Round> Run, List<Round> Done)>();
        foreach ((string name, string? program, Func<Round> run) in new Contenders(volume, work, _host, usesMap).All.Where(c => wants(c.Name)))
        {
            if (program is null || Tool.Exists(program))
                rounds.Add((name, run, []));
            else
                Console.WriteLine($"{name}: skipped, '{program}' is not installed");
        }
        var kernelRounds = new List<Kernels.Result>();
        // In turns: a machine that is slower for a minute is so for all of them.
        for (int i = 0; i < runs; i++)
        {
            if (wants("kernels"))
            {
                WorkFiles.Rest(work, volume);
                kernelRounds.Add(Kernels.Measure(volume, work, 400));
            }
            foreach ((_, Func<Round> run, List<Round> done) in rounds)
                done.Add(run());
        }
        Kernels.Result? kernels = kernelRounds.OrderBy(k => k.SumSeconds).ElementAtOrDefault(kernelRounds.Count / 2);
        List<Row> rows = rounds.ConvertAll(r => RowOf(r.Name, r.Done));
        rows.ForEach(Print);

        Console.WriteLine();
        if (kernels is not null)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"kernels on all cores: hash {kernels.HashSeconds:F2} s + compress {kernels.CompressSeconds:F2} s + encrypt {kernels.EncryptSeconds:F2} s = {kernels.SumSeconds:F2} s over {kernels.NonZeroChunkCount} chunks that hold data"));
            Console.WriteLine(FormattableString.Invariant(
                $"the format also asks for the packs' own hashes ({kernels.PackHashSeconds:F2} s), the proof of each ciphertext ({kernels.ProveSeconds:F2} s), reading ({kernels.ReadSeconds:F2} s on one core) and writing ({kernels.WriteSeconds:F2} s on one core): {kernels.LeastSeconds:F2} s in all, {kernels.SumSeconds / kernels.LeastSeconds:P0} of the kernel sum's speed for who does nothing else"));
        }
        if (rows.Find(r => r.Name == "ours") is { } ours)
        {
            foreach (Row peer in rows.Where(r => r.Name != "ours"))
            {
                Console.WriteLine(FormattableString.Invariant(
                    $"against {peer.Name,-10} first {Ratio(peer.First, ours.First)}  second {Ratio(peer.Second, ours.Second)}  restore {Ratio(peer.Restore, ours.Restore)}  on disk {Ratio(peer.Durable, ours.Durable)}  stored {(double)ours.StoredBytes / peer.StoredBytes:F2}"));
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
        $"{row.Name,-10} first {row.First,7:F2} s  second {row.Second,7:F2} s  restore {row.Restore,7:F2} s  on disk {row.Durable,7:F2} s  stored {row.StoredBytes / 1e9,6:F3} GB  peak {row.PeakBytes / (double)(1 << 20),5:F0} MiB"));

    private static Row RowOf(string name, List<Round> rounds) => new(name,
        Median(rounds.Select(r => r.First.Seconds)), Median(rounds.Select(r => r.Second.Seconds)), Median(rounds.Select(r => r.Restore.Seconds)), Median(rounds.Select(r => r.Restore.Seconds + r.FlushSeconds)),
        rounds[^1].StoredBytes, rounds.Max(r => r.PeakBytes),
        name == "ours" ? Median(rounds.Select(r => Contenders.JobSeconds(r.First))) : 0,
        name == "ours" ? Median(rounds.Select(r => Contenders.JobSeconds(r.Second))) : 0);

    /// <summary>Listing 1,000 images, and the module's import on top of the engine's start.</summary>
    private void Catalog()
    {
        string repository = Path.Combine(work, "catalog"), tiny = Path.Combine(work, "tiny.img");
        File.WriteAllBytes(tiny, new byte[1 << 20]);
        _host.Run($"Initialize-ImageRepository -Path '{repository}' | Out-Null; Connect-ImageRepository -Repository '{repository}' | Out-Null; foreach ($i in 1..1000) {{ Backup-VolumeImage -Volume '{tiny}' | Out-Null }}");
        string list = $"$c = [Diagnostics.Stopwatch]::StartNew(); $n = @(Get-ImageBackup -Repository '{repository}' -IncludeInactive).Count; [Console]::Out.WriteLine('' + $c.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $n)";
        string[] listed = Enumerable.Range(0, runs).Select(_ => _host.Run(list)).Select(m => m.Output.Trim()).OrderBy(o => double.Parse(o.Split(' ')[0], CultureInfo.InvariantCulture)).ToArray();
        Console.WriteLine($"Get-ImageBackup: {listed[listed.Length / 2].Split(' ')[0]} s for {listed[0].Split(' ')[1]} images (opening the repository included, engine start not)");
        WorkFiles.Delete(repository);
    }

    /// <summary>Half of the volume's images removed, then what only they had: ours against restic's prune of a copy of the same repository.</summary>
    private void Prune()
    {
        string repository = Path.Combine(work, "prune"), copy = Path.Combine(work, "prune-copy"), changed = Path.Combine(work, "changed.img");
        _host.Run($"Initialize-ImageRepository -Path '{repository}' | Out-Null; Backup-VolumeImage -Volume '{volume}' -Repository '{repository}' -GapSize 0 | Out-Null");
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
        string id = _host.Run($"$b = Backup-VolumeImage -Volume '{changed}' -Repository '{repository}' -GapSize 0; [Console]::Out.WriteLine($b.Id)").Output.Trim().Split('\n')[^1];
        _host.Run($"Get-ImageBackup -Repository '{repository}' -IncludeInactive | Where-Object {{ $_.Id -ne '{id}' }} | Remove-ImageBackup -Repository '{repository}' -Confirm:$false");
        WorkFiles.Delete(copy);
        Tool.Run("cp", "-r", repository, copy);
        long before = WorkFiles.SizeOf(repository);
        Measurement ours = _host.Run($"$c = [Diagnostics.Stopwatch]::StartNew(); $r = Optimize-ImageRepository -Repository '{repository}' -MaxUnused 0; [Console]::Out.WriteLine('' + $c.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $r.RepackedBytes)");
        string[] figures = ours.Output.Trim().Split('\n')[^1].Split(' ');
        Console.WriteLine(FormattableString.Invariant(
            $"prune      ours   {ours.Seconds,7:F2} s (the command {figures[0]} s), {long.Parse(figures[1], CultureInfo.InvariantCulture) / 1e9:F3} GB written again, {before / 1e9:F3} -> {WorkFiles.SizeOf(repository) / 1e9:F3} GB, peak {ours.PeakBytes / (double)(1 << 20):F0} MiB"));
        if (Tool.Exists("restic"))
        {
            Measurement restic = Tool.Measure("restic", ["-r", copy, "--cache-dir", Path.Combine(work, "prune-cache"), "prune", "-q", "--max-unused", "0"], Contenders.Secrets);
            Console.WriteLine(FormattableString.Invariant(
                $"prune      restic {restic.Seconds,7:F2} s, {before / 1e9:F3} -> {WorkFiles.SizeOf(copy) / 1e9:F3} GB, peak {restic.PeakBytes / (double)(1 << 20):F0} MiB; ours {Ratio(restic.Seconds, ours.Seconds)}"));
        }
        WorkFiles.Delete(repository);
        WorkFiles.Delete(copy);
        WorkFiles.Delete(changed);
    }
}
