using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>
/// Looking inside of images: the first answer and the rate of a listing, one small file out of a large sparse image, and a tree of many files against
/// restic's restore of the same tree. Each in a new pwsh that imports the module.
/// </summary>
/// <param name="work">Where volumes, repositories and restored trees go.</param>
/// <param name="pwsh">pwsh, or the pwsh.dll of the .NET tool.</param>
/// <param name="runs">Of each; the median counts.</param>
/// <param name="wants">Which of list, sparse, tree, find.</param>
internal sealed class ItemBench(string work, string pwsh, int runs, Func<string, bool> wants)
{
    private const int FilesPerDirectory = 1000;

    private readonly string _repository = Path.Combine(work, "images");

    private sealed record Timing(double Seconds, double CpuSeconds, IReadOnlyList<double> Figures, long PeakBytes);

    /// <param name="fileSystem">ext4, xfs, btrfs or ntfs.</param>
    /// <param name="listedCount">Files of the image that is listed.</param>
    /// <param name="treeCount">Files of the tree that is restored.</param>
    public void Run(string fileSystem, int listedCount, int treeCount)
    {
        Tool.Run("mkdir", "-p", work);
        if (!Directory.Exists(_repository))
            Session($"$null = Initialize-ImageRepository '{_repository}'");
        Console.WriteLine($"{fileSystem}; {runs} runs each, medians; load {File.ReadAllText("/proc/loadavg").Trim()}");
        Console.WriteLine("| work | result | processor time of the process | peak |");
        Console.WriteLine("|---|---|---|---|");
        if (wants("list") || wants("find"))
            List(fileSystem, listedCount);
        if (wants("sparse"))
            Sparse(fileSystem);
        if (wants("tree"))
            Tree(fileSystem, treeCount);
    }

    private void List(string fileSystem, int count)
    {
        string script = $"d=0; left={count}; while [ $left -gt 0 ]; do mkdir d$d; (cd d$d; seq -f 'file-%g' {FilesPerDirectory} | xargs touch); d=$((d+1)); left=$((left-{FilesPerDirectory})); done";
        string id = Image("list", fileSystem, $"{Math.Max(2, count / 150_000)}G", script, null);
        if (wants("find"))
        {
            Timing find = Median(() => Session($"{Clock} $n = @(Find-ImageItem file-500 -Image {id}).Count; {Tell("$c.Elapsed.TotalSeconds")}; {Tell("$n")}"));
            Row($"Find-ImageItem of a name among {count}: {find.Figures[1]:F0} found", $"{find.Figures[0]:F2} s", find);
        }
        if (!wants("list"))
            return;
        Timing first = Median(() => Session($"{Clock} $null = Get-ImageItem {id} -Recurse | Select-Object -First 1; {Tell("$c.Elapsed.TotalSeconds")}"));
        Row($"first answer of a recursive listing of {count} files", $"{first.Figures[0]:F2} s", first);
        Timing one = Median(() => Session($"{Clock} $n = @(Get-ImageItem {id} /d0).Count; {Tell("$c.Elapsed.TotalSeconds")}; {Tell("$n")}"));
        Row($"one directory of {one.Figures[1]:F0} of these files", $"{one.Figures[0]:F2} s", one);
        // Cold, then warm: the second listing of one command has the chunks in the system's cache only, the images are opened anew.
        Timing all = Median(() => Session($"{Clock} Get-ImageItem {id} -Recurse | Out-Null; $cold = $c.Elapsed.TotalSeconds; {Clock} Get-ImageItem {id} -Recurse | Out-Null; {Tell("$cold")}; {Tell("$c.Elapsed.TotalSeconds")}"));
        Row($"all {count} of them, first and second time", FormattableString.Invariant($"{count / all.Figures[0]:N0} and {count / all.Figures[1]:N0} entries/s"), all);
    }

    private void Sparse(string fileSystem)
    {
        string id = Image("sparse", fileSystem, "100G", "mkdir -p a/b/c; head -c 4096 /dev/urandom > a/b/c/small", null);
        Timing one = Median(() => Session($"(Get-ImageItemContent {id} /a/b/c/small -AsByteStream).Length"));
        Row("4 KiB out of an image of 100 GiB, from a new pwsh to the bytes", FormattableString.Invariant($"{one.Seconds:F2} s"), one);
        Timing nothing = Median(() => Session("$null = Get-Command Get-ImageItem"));
        Row("of these: pwsh, the module and the repository's key", FormattableString.Invariant($"{nothing.Seconds:F2} s"), nothing);
    }

    private void Tree(string fileSystem, int count)
    {
        // Sizes from nothing to 64 KiB that do not compress, as many files have them.
        string script = $"d=0; left={count}; while [ $left -gt 0 ]; do mkdir d$d; (cd d$d; i=0; while [ $i -lt {FilesPerDirectory} ] && [ $i -lt $left ]; do "
            + "head -c $(( (i * 37 % 64) * 256 )) /dev/urandom > file-$i; i=$((i+1)); done); d=$((d+1)); left=$((left-" + FilesPerDirectory + ")); done";
        string restic = Path.Combine(work, "restic");
        string id = Image("tree", fileSystem, "4G", script, mount =>
        {
            if (!Tool.Exists("restic") || Directory.Exists(restic))
                return;
            _ = Tool.Measure("restic", ["-r", restic, "init", "-q"], Contenders.Secrets);
            _ = Tool.Measure("restic", ["-r", restic, "--no-cache", "backup", "-q", mount], Contenders.Secrets);
        });
        List<Timing> ours = [], theirs = [];
        // Into memory: ext4 takes most of the time itself, more the more inodes were freed in the minutes before. A new directory each time.
        string targets = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : work, $"restored-{Environment.ProcessId}");
        for (int run = 0; run < runs; run++)
        {
            string target = Path.Combine(targets, $"ours{run}");
            Tool.Run("mkdir", "-p", targets);
            WorkFiles.Rest(work);
            ours.Add(Session($"{Clock} $r = Restore-ImageItem {id} / '{target}'; {Tell("$c.Elapsed.TotalSeconds")}; {Tell("$r.FileCount")}"));
            if (!Directory.Exists(restic))
                continue;
            WorkFiles.Rest(work);
            Measurement peer = Tool.Measure("restic", ["-r", restic, "--no-cache", "restore", "latest", "-q", "--target", Path.Combine(targets, $"restic{run}")], Contenders.Secrets);
            theirs.Add(new Timing(peer.Seconds, peer.CpuSeconds, [], peer.PeakBytes));
        }
        WorkFiles.Delete(targets);
        Timing own = Median(ours);
        Row($"Restore-ImageItem of {own.Figures[1]:N0} files, whole process and within the session", FormattableString.Invariant($"{own.Seconds:F2} s, {own.Figures[0]:F2} s"), own);
        if (theirs.Count > 0)
            Row("restic restore of the same tree", FormattableString.Invariant($"{Median(theirs).Seconds:F2} s"), Median(theirs));
    }

    /// <summary>An image of a new volume that a shell script filled; one that is there already is taken as it is.</summary>
    private string Image(string name, string fileSystem, string size, string script, Action<string>? onMounted)
    {
        string volume = Path.Combine(work, $"{name}-{fileSystem}.img"), mount = volume + ".mnt";
        if (!File.Exists(volume))
        {
            Tool.Run("truncate", "-s", size, volume);
            string[] options = fileSystem switch { "ext4" => ["-q", "-F", "-i", "4096", "-E", "lazy_itable_init=1"], "ntfs" => ["-q", "-Q", "-F"], _ => ["-q", "-f"] };
            Tool.Run("mkfs." + fileSystem, [.. options, volume]);
            Directory.CreateDirectory(mount);
            if (fileSystem == "ntfs")
                Tool.Run("ntfs-3g", volume, mount);
            else
                Tool.Run("mount", "-o", "loop", volume, mount);
            try
            {
                Tool.Run("sh", "-c", $"cd '{mount}' && {script}");
                onMounted?.Invoke(mount);
            }
            finally
            {
                Tool.Run("umount", mount);
                Directory.Delete(mount);
            }
            Tool.Run("sync");
        }
        return Text($"$image = Get-ImageBackup '{volume}' -ErrorAction Ignore; if (-not $image) {{ $image = Backup-VolumeImage '{volume}' -WarningAction Ignore }}; $image.Id").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Trim();
    }

    private const string Clock = "$c = [Diagnostics.Stopwatch]::StartNew();";

    private static string Tell(string value) => $"[Console]::WriteLine(({value}).ToString([cultureinfo]::InvariantCulture))";

    private Timing Session(string script)
    {
        Measurement run = Text(script);
        double[] figures = [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => double.TryParse(line, CultureInfo.InvariantCulture, out _)).Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
        return new Timing(run.Seconds, run.CpuSeconds, figures, run.PeakBytes);
    }

    private Measurement Text(string script)
    {
        string whole = $"$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; Import-Module '{ModuleImport.FindManifest()}'; $env:RESTIC_REPOSITORY = '{_repository}'; {script}";
        bool isTool = pwsh.EndsWith(".dll", StringComparison.Ordinal);
        string[] arguments = ["-NoProfile", "-NonInteractive", "-Command", whole];
        return Tool.Measure(isTool ? "dotnet" : pwsh, isTool ? [pwsh, .. arguments] : arguments, Contenders.Secrets);
    }

    private Timing Median(Func<Timing> measure) => Median([.. Enumerable.Range(0, runs).Select(_ => measure())]);

    private static Timing Median(List<Timing> timings) =>
        timings.OrderBy(timing => timing.Figures.Count > 0 ? timing.Figures[0] : timing.Seconds).ElementAt(timings.Count / 2) with { PeakBytes = timings.Max(timing => timing.PeakBytes) };

    private static void Row(string label, string result, Timing timing) => Console.WriteLine(FormattableString.Invariant($"| {label} | {result} | {timing.CpuSeconds:F2} s | {timing.PeakBytes >> 20} MiB |"));
}
