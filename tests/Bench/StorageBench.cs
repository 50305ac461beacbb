using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>
/// Repositories on servers that the bench starts itself: REST (rclone's) and SFTP (OpenSSH's) behind a network of 50 ms and 1 Gbit/s, and an S3 service (Ceph's) beside it.
/// Ours and restic by turns, each with its own repository and an empty cache at the first backup.
/// </summary>
internal sealed class StorageBench(string volume, string work, HostProgram host, int runs, bool isTraced, Func<string, bool> wants)
{
    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(50);
    private const long GigabitBytes = 125_000_000;

    private static readonly string[] s_steps = ["first", "second", "restore", "check", "prune"];

    private sealed record Row(string Server, string Tool, string Step, List<double> Seconds, List<double> Job, List<long> Peak, List<Traffic> Traffic);

    private readonly record struct Traffic(int RequestCount, long SentBytes, long ReceivedBytes);

    private readonly List<Row> _rows = [];
    private DelayRelay? _network;
    private string? _sshCommand;

    public void Run()
    {
        if (wants("rest"))
            OverRest();
        if (wants("s3"))
            OverS3();
        if (wants("sftp"))
            OverSftp();
        Console.WriteLine($"A volume of {new FileInfo(volume).Length / 1e9:F2} GB, the whole of it; {runs} runs each, medians, in turns. Ours as a Host of its own, with and without the engine's start.");
        Console.WriteLine();
        Console.WriteLine("| server | step | restic | ours, whole process | ours, job | restic's time over ours: whole, job | ours, peak memory | requests and MB sent, received: restic | ours |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (string server in _rows.Select(row => row.Server).Distinct())
        {
            foreach (string step in s_steps)
            {
                if (Find(server, "restic", step) is not { } restic || Find(server, "ours", step) is not { } ours)
                    continue;
                double theirs = Median(restic.Seconds), whole = Median(ours.Seconds), job = Median(ours.Job);
                Console.WriteLine(FormattableString.Invariant(
                    $"| {server} | {step} | {theirs:F2} s | {whole:F2} s | {job:F2} s | {theirs / whole:F2}, {theirs / job:F2} | {ours.Peak.Max() / (1 << 20)} MiB | {Words(restic)} | {Words(ours)} |"));
            }
        }
    }

    private void OverRest()
    {
        if (!Tool.Exists("rclone"))
        {
            Console.WriteLine("rclone is not installed: REST is left out.");
            return;
        }
        int port = FreePort();
        string data = Path.Combine(work, "rest");
        Directory.CreateDirectory(data);
        using Process server = Process.Start(new ProcessStartInfo("rclone", ["serve", "restic", "--addr", $"127.0.0.1:{port}", "--config", "/dev/null", data]) { RedirectStandardError = true })!;
        server.ErrorDataReceived += (_, _) => { };
        server.BeginErrorReadLine();
        try
        {
            WaitUntilUp(port);
            using DelayRelay network = _network = new DelayRelay(port, s_roundTrip, GigabitBytes).Start();
            Compare("REST, 50 ms, 1 Gbit/s", name => $"rest:http://127.0.0.1:{network.Port}/{name}/", _ =>
            {
                WorkFiles.Delete(data);
                Directory.CreateDirectory(data);
            });
        }
        finally
        {
            _network = null;
            server.Kill();
            server.WaitForExit();
        }
        WorkFiles.Delete(data);
    }

    private void OverSftp()
    {
        if (!File.Exists("/usr/sbin/sshd") || !File.Exists("/usr/bin/ssh"))
        {
            Console.WriteLine("OpenSSH is not installed: SFTP is left out.");
            return;
        }
        int port = FreePort();
        string data = Path.Combine(work, "sftp");
        using DelayRelay network = new DelayRelay(port, s_roundTrip, GigabitBytes).Start();
        using var server = new SshServer(Path.Combine(work, "ssh"), port, network.Port);
        WaitUntilUp(port);
        _sshCommand = server.Command;
        try
        {
            Compare("SFTP, 50 ms, 1 Gbit/s", name => $"sftp:bench:{data}/{name}", _ =>
            {
                WorkFiles.Delete(data);
                Directory.CreateDirectory(data);
            });
        }
        finally
        {
            _sshCommand = null;
            WorkFiles.Delete(data);
        }
    }

    private void OverS3()
    {
        string script = Path.Combine(HostPath.Root(), "tests", "Interop", "Storage", "ceph-rgw.sh"), folder = Path.Combine(work, "ceph");
        if (!Tool.Exists("radosgw"))
        {
            Console.WriteLine("Ceph is not installed: S3 is left out.");
            return;
        }
        int port = FreePort();
        Tool.Run("bash", "-c", $"bash '{script}' '{folder}' {port} {FreePort()} > /dev/null 2>&1 < /dev/null");
        try
        {
            int bucket = 0;
            Compare("S3 (Ceph), no delay", name => $"s3:http://127.0.0.1:{port}/rig/{name}{bucket}", _ => bucket++);
        }
        finally
        {
            Tool.Run("bash", "-c", $"kill -9 $(cat '{folder}'/run/*.pid) || true");
            Thread.Sleep(TimeSpan.FromSeconds(2));
            WorkFiles.Delete(folder);
        }
    }

    private void Compare(string server, Func<string, string> url, Action<int> clear)
    {
        for (int run = 0; run < runs; run++)
        {
            clear(run);
            Ours(server, url("ours"));
            clear(run);
            if (Tool.Exists("restic"))
                Restic(server, url("restic"));
        }
    }

    private void Ours(string server, string url)
    {
        string cache = Path.Combine(work, "storage-cache"), target = Path.Combine(work, "storage-target"), changed = Changed();
        WorkFiles.Delete(cache);
        string option = _sshCommand is { } command ? $" -StorageOption @{{ 'sftp.command' = '{command}' }}" : "";
        string begin = $"$env:RESTIC_CACHE_DIR = '{cache}'; $env:AWS_ACCESS_KEY_ID = 'AKT'; $env:AWS_SECRET_ACCESS_KEY = 'SKT'; $c = Connect-ImageRepository '{url}'{option}; $w = [Diagnostics.Stopwatch]::StartNew(); ";
        const string end = "; [Console]::Out.WriteLine($w.Elapsed.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $id)";
        host.Run($"$env:RESTIC_CACHE_DIR = '{cache}'; $env:AWS_ACCESS_KEY_ID = 'AKT'; $env:AWS_SECRET_ACCESS_KEY = 'SKT'; $null = Initialize-ImageRepository '{url}'{option}");
        string id = "";
        foreach (string step in new[] { "first", "second" })
            id = Time(server, "ours", step, () => host.Run(begin + $"$id = (Backup-VolumeImage '{volume}' -GapSize 0).Id" + end));
        Time(server, "ours", "restore", () => host.Run(begin + $"$null = Restore-VolumeImage -ImageBackup {id} -Destination '{target}' -Confirm:$false" + end));
        Tool.Run("cmp", volume, target);
        WorkFiles.Delete(target);
        Time(server, "ours", "check", () => host.Run(begin + "$null = Test-ImageRepository" + end));
        host.Run(begin + $"$null = Backup-VolumeImage '{changed}' -GapSize 0 -Confirm:$false; Get-ImageBackup -IncludeInactive | Where-Object Volume -ne '{changed}' | Remove-ImageBackup -Confirm:$false" + end);
        Time(server, "ours", "prune", () => host.Run(begin + "$null = Optimize-ImageRepository -MaxUnused 0 -Confirm:$false" + end));
        WorkFiles.Delete(changed);
        WorkFiles.Delete(cache);
    }

    private void Restic(string server, string url)
    {
        string cache = Path.Combine(work, "storage-cache"), target = Path.Combine(work, "storage-restored"), changed = Changed();
        WorkFiles.Delete(cache);
        var environment = new Dictionary<string, string>(Contenders.Secrets) { ["RESTIC_CACHE_DIR"] = cache, ["AWS_ACCESS_KEY_ID"] = "AKT", ["AWS_SECRET_ACCESS_KEY"] = "SKT", ["RESTIC_REPOSITORY"] = url };
        string option = _sshCommand is { } ssh ? $" -o sftp.command='{ssh}'" : "";
        Measurement Run(string command) => Tool.Measure("sh", ["-c", command.Replace("restic ", $"restic{option} ", StringComparison.Ordinal)], environment);
        Run("restic init -q");
        foreach (string step in new[] { "first", "second" })
            Time(server, "restic", step, () => Run($"restic backup -q --stdin --stdin-filename volume.img < '{volume}'"));
        Time(server, "restic", "restore", () => Run($"restic restore -q latest --target '{target}'"));
        WorkFiles.Delete(target);
        Time(server, "restic", "check", () => Run("restic check -q"));
        Run($"restic backup -q --stdin --stdin-filename changed.img < '{changed}'");
        Run("restic snapshots --json --path /volume.img | grep -o '\"short_id\":\"[0-9a-f]*\"' | cut -d'\"' -f4 | xargs restic forget -q");
        Time(server, "restic", "prune", () => Run("restic prune -q --max-unused 0"));
        WorkFiles.Delete(changed);
        WorkFiles.Delete(cache);
    }

    /// <summary>
    /// The volume with every other 16 MiB changed: half of what it held is in use no more once its images are gone, and half of nearly every pack.
    /// With shorter pieces restic has less to do than ours: its chunks end by their content, so that at each end of a piece it has stored again what
    /// ours found (of 192 MiB of noise changed by 4 MiB it found 44 MiB again of 96, by 16 MiB 86).
    /// </summary>
    private string Changed()
    {
        string path = Path.Combine(work, "storage-changed.img");
        File.Copy(volume, path, overwrite: true);
        using FileStream stream = File.OpenWrite(path);
        byte[] noise = new byte[16 << 20];
        var random = new Random(11);
        for (long offset = 0; offset + noise.Length <= stream.Length; offset += 2 * noise.Length)
        {
            random.NextBytes(noise);
            stream.Position = offset;
            stream.Write(noise);
        }
        return path;
    }

    /// <summary>Returns what ours put out behind its time.</summary>
    private string Time(string server, string tool, string step, Func<Measurement> run)
    {
        WorkFiles.Rest(work, step is "first" or "second" ? volume : null);
        _network?.Take();
        Measurement taken = run();
        if (Find(server, tool, step) is not { } row)
            _rows.Add(row = new Row(server, tool, step, [], [], [], []));
        if (_network?.Take() is { } requests)
        {
            row.Traffic.Add(new Traffic(requests.Count, requests.Sum(request => request.SentBytes), requests.Sum(request => request.ReceivedBytes)));
            if (isTraced)
                Console.WriteLine($"{server}, {step}, {tool}: {taken.Seconds:F2} s\n{string.Join("\n", requests)}\n");
        }
        row.Seconds.Add(taken.Seconds);
        row.Peak.Add(taken.PeakBytes);
        if (tool != "ours")
            return "";
        string[] words = taken.Output.Trim().Split('\n')[^1].Split(' ');
        row.Job.Add(double.Parse(words[0], CultureInfo.InvariantCulture));
        return words.ElementAtOrDefault(1) ?? "";
    }

    private Row? Find(string server, string tool, string step) => _rows.Find(row => row.Server == server && row.Tool == tool && row.Step == step);

    /// <summary>Of the last run; nothing of a server that has no network of its own before it.</summary>
    private static string Words(Row row) => row.Traffic.Count == 0 ? "" : FormattableString.Invariant(
        $"{row.Traffic[^1].RequestCount}, {row.Traffic[^1].SentBytes / 1e6:F0}, {row.Traffic[^1].ReceivedBytes / 1e6:F0}");

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void WaitUntilUp(int port)
    {
        for (long end = Environment.TickCount64 + 60_000; Environment.TickCount64 < end; Thread.Sleep(20))
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
            }
        }
        throw new InvalidOperationException("The server does not answer.");
    }
}
