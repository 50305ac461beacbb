using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Storage.Azure;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>Azurite, Microsoft's own emulator of the blob service. One for all tests; each has a repository of its own in the container.</summary>
public sealed class AzureService : IDisposable
{
    public const string Container = "rig";

    /// <summary>The account and key that every Azurite has: published, no secret.</summary>
    public const string Account = "devstoreaccount1";
    public const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private const string Package = "azurite";
    private const string Version = "3.37.0";

    private readonly Lazy<string?> _missing;
    private readonly TemporaryDirectory _directory = new();
    private readonly string[] _options;
    private Process? _process;
    private int _repositories;

    public AzureService() : this(RestServer.FreePort())
    {
    }

    /// <param name="port">Its port on 127.0.0.1.</param>
    /// <param name="options">More of Azurite's, such as a certificate.</param>
    internal AzureService(int port, params string[] options)
    {
        Port = port;
        _options = options;
        _missing = new Lazy<string?>(Start);
    }

    public int Port { get; }

    private static void SetLogin(string? account, string? key)
    {
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_NAME", account);
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_KEY", key);
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_SAS", null);
    }

    /// <summary>Skips the test if Azurite cannot be had; else sets the login's variables.</summary>
    internal void Need()
    {
        Assert.SkipWhen(_missing.Value is not null, _missing.Value ?? "");
        SetLogin(Account, Key);
    }

    private string? Start()
    {
        if (NpmPackage.Install(Package, Version, out string whyNot) is not { } folder)
            return "Azurite cannot be had: " + whyNot;
        if (NpmPackage.Node is not { } node)
            return "node is not installed.";
        Directory.CreateDirectory(_directory["data"]);
        string program = Path.Combine(folder, "node_modules", Package, "dist", "src", "blob", "main.js");
        var start = new ProcessStartInfo(node, [program, "--blobHost", "127.0.0.1", "--blobPort", $"{Port}", "--location", _directory["data"],
            "--disableTelemetry", "--skipApiVersionCheck", "--silent", .. _options])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = _directory["data"],
        };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        for (long end = Environment.TickCount64 + 120_000; ; Thread.Sleep(50))
        {
            Assert.False(_process.HasExited, "Azurite ended.");
            Assert.True(Environment.TickCount64 < end, "Azurite does not answer.");
            try
            {
                using var probe = new TcpClient();
                probe.Connect("127.0.0.1", Port);
                return null;
            }
            catch (SocketException)
            {
            }
        }
    }

    /// <summary>The account's service, by this port or a proxy's: what azure.endpoint is set to.</summary>
    public string Endpoint(int? port = null, string scheme = "http") => $"{scheme}://127.0.0.1:{port ?? Port}/{Account}";

    internal Dictionary<string, string> Options(int? port = null, string scheme = "http") => new() { ["azure.endpoint"] = Endpoint(port, scheme) };

    /// <summary>A repository's URL.</summary>
    public static string Url(string repository, string container = Container) => $"azure:{container}:/{repository}";

    public string NewName() => $"r{Interlocked.Increment(ref _repositories)}";

    /// <summary>The driver, with retries that do not wait long.</summary>
    internal static IStorage Open(string url, Dictionary<string, string> options, int tries = 6, TimeSpan? idle = null, int? pageFiles = null)
    {
        StorageLocation location = StorageRegistry.Parse(url, options);
        AzureAddress address = AzureLocation.WithAccess(location);
        var storage = new AzureStorage(location, address with { Access = address.Access with { Idle = idle ?? TimeSpan.FromMinutes(1) } }) { PageFiles = pageFiles };
        return new RetryingStorage(storage, [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(20), tries)]);
    }

    public void Dispose()
    {
        SetLogin(null, null);
        if (_process is not null)
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
        _directory.Dispose();
    }
}
