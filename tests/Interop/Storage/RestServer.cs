using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Rest;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>A real REST server for restic repositories over a folder: rclone's. Ends with its object.</summary>
internal sealed class RestServer : IDisposable
{
    public const string UserName = "rig-user";
    public const string Password = "rig:p@ss/wort%";

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process;

    public RestServer(params string[] options)
    {
        Assert.SkipUnless(ResticTool.Find("rclone") is not null, "rclone is not installed.");
        Port = FreePort();
        Directory.CreateDirectory(_directory["data"]);
        var start = new ProcessStartInfo("rclone", ["serve", "restic", "--addr", $"127.0.0.1:{Port}", .. options, _directory["data"]])
        {
            RedirectStandardError = true,
        };
        // Not in the arguments: those every user sees.
        start.Environment["RCLONE_USER"] = UserName;
        start.Environment["RCLONE_PASS"] = Password;
        start.Environment["RCLONE_CONFIG"] = "/dev/null";
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        WaitUntilUp();
    }

    public int Port { get; }

    /// <summary>The folder in which the server keeps what it is sent.</summary>
    public string Folder => _directory["data"];

    public string this[string name] => _directory[name];

    /// <summary>As restic takes it, by this port or a proxy's.</summary>
    public string Url(string repository, int? port = null, string scheme = "http") =>
        $"rest:{scheme}://{UserName}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port ?? Port}/{repository}/";

    /// <summary>The driver, with retries that do not wait long.</summary>
    public IStorage Open(string repository, int? port = null, TimeSpan? idle = null, int tries = 6) => new RetryingStorage(
        RestLocation.Open(StorageRegistry.Parse(Url(repository, port)), idle ?? TimeSpan.FromMinutes(1)), [.. System.Linq.Enumerable.Repeat(TimeSpan.FromMilliseconds(20), tries)]);

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void WaitUntilUp()
    {
        for (long end = Environment.TickCount64 + 60_000; ; Thread.Sleep(20))
        {
            Assert.False(_process.HasExited, "rclone ended.");
            Assert.True(Environment.TickCount64 < end, "rclone does not answer.");
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, Port);
                return;
            }
            catch (SocketException)
            {
            }
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }
}
