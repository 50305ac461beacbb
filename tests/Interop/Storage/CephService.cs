using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Threading;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.S3;
using ImageBackup.Storage.S3;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>A real S3 service: Ceph's, with its data in memory. One for all tests; each has a prefix of its own.</summary>
public sealed class CephService : IDisposable
{
    public const string Bucket = "rig";

    private static readonly (string Name, string Value)[] s_login = [("AWS_ACCESS_KEY_ID", "AKT"), ("AWS_SECRET_ACCESS_KEY", "SKT")];

    private readonly Lazy<string?> _missing;
    private readonly TemporaryDirectory _directory = new();
    private int _prefixes;

    public CephService() => _missing = new Lazy<string?>(Start);

    public int Port { get; } = RestServer.FreePort();

    /// <summary>Skips the test if Ceph is not installed; else sets the login's variables.</summary>
    internal void Need()
    {
        Assert.SkipWhen(_missing.Value is not null, _missing.Value ?? "");
        foreach ((string name, string value) in s_login)
            Environment.SetEnvironmentVariable(name, value);
    }

    private string? Start()
    {
        string[] absent = [.. new[] { "ceph-mon", "ceph-osd", "radosgw", "ceph", "radosgw-admin", "monmaptool" }.Where(tool => ResticTool.Find(tool) is null)];
        if (absent.Length > 0)
            return $"Ceph is not installed ({string.Join(", ", absent)}).";
        string script = Path.Combine(AppContext.BaseDirectory, "Storage", "ceph-rgw.sh");
        int monitor = RestServer.FreePort();
        string told = Run("bash", script, _directory["ceph"], Port.ToString(CultureInfo.InvariantCulture), monitor.ToString(CultureInfo.InvariantCulture));
        using var client = new HttpClient();
        Assert.True(client.GetAsync(new Uri($"http://127.0.0.1:{Port}/")).GetAwaiter().GetResult().IsSuccessStatusCode, told);
        return null;
    }

    /// <summary>A new repository's URL, by this port or a proxy's.</summary>
    public string Url(string repository, int? port = null) => $"s3:http://127.0.0.1:{port ?? Port}/{Bucket}/{repository}";

    public string NewName() => $"r{Interlocked.Increment(ref _prefixes)}";

    /// <summary>The driver, with retries that do not wait long.</summary>
    internal static IStorage Open(string url, int tries = 6, TimeSpan? idle = null, Dictionary<string, string>? options = null)
    {
        StorageLocation location = StorageRegistry.Parse(url, options);
        S3Address address = S3Location.WithAccess(location);
        var storage = new S3Storage(location, address with { Access = address.Access with { Idle = idle ?? TimeSpan.FromMinutes(1) } });
        return new RetryingStorage(storage, [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(20), tries)]);
    }

    /// <summary>radosgw-admin's, for users and quotas.</summary>
    public string Administer(params string[] arguments) => Run("radosgw-admin", ["-c", Path.Combine(_directory["ceph"], "ceph.conf"), .. arguments]);

    private static string Run(string program, params string[] arguments)
    {
        // Its daemons keep what they inherit: their output must not be a pipe that is read to its end.
        using Process process = Process.Start(new ProcessStartInfo("bash", ["-c", "\"$@\" >\"$0\" 2>&1 </dev/null", Path.GetTempFileName(), program, .. arguments]))!;
        Assert.True(process.WaitForExit(120_000), $"{program} does not end.");
        string told = File.ReadAllText(process.StartInfo.ArgumentList[2]);
        File.Delete(process.StartInfo.ArgumentList[2]);
        Assert.True(process.ExitCode == 0, $"{program}: {told}");
        return told;
    }

    public void Dispose()
    {
        foreach ((string name, _) in s_login)
            Environment.SetEnvironmentVariable(name, null);
        string run = Path.Combine(_directory["ceph"], "run");
        foreach (string file in Directory.Exists(run) ? Directory.GetFiles(run, "*.pid") : [])
        {
            try
            {
                using Process daemon = Process.GetProcessById(int.Parse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture));
                // What it keeps is in memory, and no test needs it any more.
                daemon.Kill();
                daemon.WaitForExit();
            }
            catch (ArgumentException)
            {
                // It has ended.
            }
        }
        _directory.Dispose();
    }
}
