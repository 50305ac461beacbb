using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>
/// A volume that is not in memory: a loop device past the cache of its file, and the system's caches dropped before each run. Ours, restic
/// from a pipe, and two plain readers. With a pace the volume's disk is another one than this machine's.
/// </summary>
internal sealed class Cold(string volume, string work, HostProgram host, int runs, DiskPace? pace, Func<string, bool> wants)
{
    private sealed record Row(string Name, string What, List<double> Seconds)
    {
        /// <summary>What a backup of ours says of who waited for whom, in the last run.</summary>
        public string Waits { get; set; } = "";

        /// <summary>What the disk was asked for in the last run.</summary>
        public string Asked { get; set; } = "";
    }

    /// <summary>Needs root.</summary>
    public void Run()
    {
        using SlowDisk? disk = pace is null ? null : new SlowDisk(volume, Path.Combine(work, "slow.img"), pace).Start();
        string device = Loop(disk is null ? volume : Path.Combine(work, "slow.img"), isReadOnly: disk is not null), target = Path.Combine(work, "target.img");
        Tool.Run("truncate", "-s", new FileInfo(volume).Length.ToString(CultureInfo.InvariantCulture), target);
        string targetDevice = Loop(target, isReadOnly: false);
        try
        {
            List<Row> rows = [];
            for (int run = 0; run < runs; run++)
            {
                if (wants("readers"))
                {
                    Time(rows, "plain reader, past the cache", "read", () => Tool.Measure("dd", ["if=" + device, "of=/dev/null", "bs=1M", "iflag=direct"]).Seconds);
                    Time(rows, "plain reader, through the cache", "read", () => Tool.Measure("dd", ["if=" + device, "of=/dev/null", "bs=1M"]).Seconds);
                }
                if (wants("ours"))
                    Ours(rows, device, targetDevice);
                if (wants("restic") && Tool.Exists("restic"))
                    Restic(rows, device);
            }
            Console.WriteLine($"A volume of {new FileInfo(volume).Length / 1e9:F2} GB that is not in memory; {runs} runs each, medians, in turns. Ours without the engine's start.");
            Console.WriteLine();
            Console.WriteLine("| who | what | time | waits | the disk was asked for |");
            Console.WriteLine("|---|---|---|---|---|");
            foreach (Row row in rows)
                Console.WriteLine(FormattableString.Invariant($"| {row.Name} | {row.What} | {Median(row.Seconds):F2} s | {row.Waits} | {row.Asked} |"));
            foreach (string what in new[] { "first", "second", "restore" })
            {
                if (rows.Find(r => r.Name == "ours" && r.What == what) is { } ours && rows.Find(r => r.Name == "restic" && r.What == what) is { } restic)
                    Console.WriteLine(FormattableString.Invariant($"{what}: restic's time is {Median(restic.Seconds) / Median(ours.Seconds):F2} of ours"));
            }
        }
        finally
        {
            Tool.Run("losetup", "-d", device);
            Tool.Run("losetup", "-d", targetDevice);
            WorkFiles.Delete(target);
        }
    }

    private void Ours(List<Row> rows, string device, string target)
    {
        string repository = Path.Combine(work, "cold-ours");
        WorkFiles.Delete(repository);
        host.Run($"Initialize-ImageRepository -Path '{repository}' | Out-Null");
        string backup = $"$b = Backup-VolumeImage -Volume '{device}' -Repository '{repository}' -GapSize 0 -Verbose; [Console]::Out.WriteLine('' + $b.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $b.Id)";
        string id = "", waits = "";
        foreach (string what in new[] { "first", "second" })
        {
            Time(rows, "ours", what, () =>
            {
                Measurement taken = host.Run(backup);
                string[] said = taken.Output.Trim().Split('\n');
                id = said[^1].Trim().Split(' ')[^1];
                waits = string.Join("; ", said.SkipLast(1).Where(line => line.Contains("waited", StringComparison.Ordinal)).Select(line => line.Trim()));
                return Contenders.JobSeconds(taken);
            });
            rows.Find(r => r.Name == "ours" && r.What == what)!.Waits = waits;
        }
        Time(rows, "ours", "restore", () => Contenders.JobSeconds(host.Run(
            $"$r = Restore-VolumeImage -ImageBackup {id} -Destination '{target}' -Repository '{repository}' -Force -Confirm:$false; [Console]::Out.WriteLine($r.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture))")));
        // The cache of a loop device's file knows nothing of what went past it, nor the other way round.
        Tool.Run("cmp", device, target);
        WorkFiles.Delete(repository);
    }

    private void Restic(List<Row> rows, string device)
    {
        string repository = Path.Combine(work, "cold-restic");
        WorkFiles.Delete(repository);
        Tool.Measure("restic", ["-r", repository, "--no-cache", "init"], Contenders.Secrets);
        // It takes no device by its name.
        foreach (string what in new[] { "first", "second" })
            Time(rows, "restic", what, () => Tool.Measure("sh", ["-c", $"restic -r '{repository}' --no-cache backup -q --stdin < '{device}'"], Contenders.Secrets).Seconds);
        string restored = Path.Combine(work, "cold-restored");
        Time(rows, "restic", "restore", () =>
        {
            double seconds = Tool.Measure("restic", ["-r", repository, "--no-cache", "restore", "-q", "latest", "--target", restored], Contenders.Secrets).Seconds;
            return seconds + WorkFiles.Flush(restored);
        });
        WorkFiles.Delete(restored);
        WorkFiles.Delete(repository);
    }

    private void Time(List<Row> rows, string name, string what, Func<double> run)
    {
        WorkFiles.Rest(work);
        File.WriteAllText("/proc/sys/vm/drop_caches", "3");
        // The other disk is slow by itself: what it reads from is in memory.
        if (pace is not null)
            WorkFiles.Load(volume);
        pace?.Tell();
        double seconds = run();
        if (rows.Find(r => r.Name == name && r.What == what) is not { } row)
            rows.Add(row = new Row(name, what, []));
        row.Seconds.Add(seconds);
        if (pace is not null && what != "restore")
            row.Asked = pace.Tell();
    }

    private static string Loop(string file, bool isReadOnly) => Tool.Run("losetup", ["-f", "--show", "--direct-io=on", .. isReadOnly ? new[] { "-r" } : [], file]).Trim();
}
