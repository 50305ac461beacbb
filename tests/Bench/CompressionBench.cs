using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>The ways to compress, of one volume: the first backup's time, the restore's, and what is stored; restic's by the same names.</summary>
internal sealed class CompressionBench(string volume, string work, HostProgram host, int runs, Func<string, bool> wants)
{
    private sealed record Row(string Name, string Compression, List<double> First, List<double> Restore)
    {
        public long StoredBytes { get; set; }
    }

    public void Run()
    {
        List<Row> rows = [];
        for (int run = 0; run < runs; run++)
        {
            foreach (string compression in Enum.GetNames<ImageCompression>().Where(_ => wants("ours")))
                Ours(RowOf(rows, "ours", compression));
            foreach (string compression in ResticModes().Where(_ => wants("restic")))
                Restic(RowOf(rows, "restic", compression));
        }
        Console.WriteLine($"A volume of {new FileInfo(volume).Length / 1e9:F2} GB, the whole of it; {runs} runs each, medians, in turns. Ours without the engine's start.");
        Console.WriteLine();
        Console.WriteLine("| who | compression | first | restore | stored |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (Row row in rows)
            Console.WriteLine(FormattableString.Invariant($"| {row.Name} | {row.Compression} | {Median(row.First):F2} s | {Median(row.Restore):F2} s | {row.StoredBytes / 1e6:F1} MB |"));
    }

    private void Ours(Row row)
    {
        string repository = Path.Combine(work, "compression-ours"), target = Path.Combine(work, "compression-target");
        WorkFiles.Delete(repository);
        WorkFiles.Delete(target);
        host.Run($"Initialize-ImageRepository -Path '{repository}' | Out-Null");
        Measurement taken = host.Run($"$b = Backup-VolumeImage -Volume '{volume}' -Repository '{repository}' -GapSize 0 -Compression {row.Compression}; "
            + "[Console]::Out.WriteLine('' + $b.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $b.Id)");
        row.First.Add(Contenders.JobSeconds(taken));
        row.StoredBytes = WorkFiles.SizeOf(repository);
        row.Restore.Add(Contenders.JobSeconds(host.Run($"$r = Restore-VolumeImage -ImageBackup {taken.Output.Trim().Split(' ')[^1]} -Destination '{target}' -Repository '{repository}' -Confirm:$false; "
            + "[Console]::Out.WriteLine($r.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture))")));
        Tool.Run("cmp", volume, target);
        WorkFiles.Delete(repository);
        WorkFiles.Delete(target);
    }

    private void Restic(Row row)
    {
        string repository = Path.Combine(work, "compression-restic"), target = Path.Combine(work, "compression-target");
        WorkFiles.Delete(repository);
        var environment = new Dictionary<string, string> { ["RESTIC_PASSWORD"] = "x", ["RESTIC_CACHE_DIR"] = Path.Combine(work, "compression-cache") };
        Tool.Measure("restic", ["-r", repository, "init"], environment);
        row.First.Add(Tool.Measure("sh", ["-c", $"restic -r '{repository}' --compression {row.Compression} backup --stdin --stdin-filename volume.img < '{volume}'"], environment).Seconds);
        row.StoredBytes = WorkFiles.SizeOf(repository);
        row.Restore.Add(Tool.Measure("restic", ["-r", repository, "restore", "latest", "--target", target], environment).Seconds);
        WorkFiles.Delete(repository);
        WorkFiles.Delete(target);
    }

    /// <summary>What this restic knows: fastest and better came after 0.14.</summary>
    private static string[] ResticModes()
    {
        if (!Tool.Exists("restic"))
            return [];
        string help = Tool.Run("restic", "help", "backup");
        return [.. new[] { "off", "fastest", "auto", "better", "max" }.Where(mode => help.Contains(mode, StringComparison.Ordinal))];
    }

    private static Row RowOf(List<Row> rows, string name, string compression)
    {
        Row? row = rows.Find(each => each.Name == name && each.Compression == compression);
        if (row is null)
            rows.Add(row = new Row(name, compression, [], []));
        return row;
    }
}
