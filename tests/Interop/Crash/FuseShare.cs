using System;
using System.Diagnostics;
using System.IO;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>
/// A mount whose other side can go away while files on it are open, as a network's server does: the kernel cuts its connection
/// to a file system in user space, and every call on the mount fails from then on. What had been written is with the server.
/// </summary>
internal sealed class FuseShare : IDisposable
{
    private readonly string _image;
    private readonly string _control;
    private Process? _server;
    private bool _hasControl;

    public FuseShare(TemporaryDirectory directory)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/dev/fuse"), "Only root, with /dev/fuse, can mount.");
        Tool.Require("ntfs-3g", "mkfs.ntfs", "mountpoint");
        (_image, Path, _control) = (directory["share.img"], directory["share"], directory["fusectl"]);
        Directory.CreateDirectory(Path);
        Directory.CreateDirectory(_control);
        Tool.Run("truncate", "-s", "400M", _image);
        Tool.Run("mkfs.ntfs", "-q", "-F", "-f", _image);
        try
        {
            Tool.Run("mount", "-t", "fusectl", "none", _control);
            _hasControl = true;
            ComeBack();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where it is mounted.</summary>
    public string Path { get; }

    /// <summary>From now on every call on it fails. The server ends in good order.</summary>
    public void GoAway()
    {
        string device = Tool.Run("mountpoint", "-d", Path).Trim();
        File.WriteAllText(System.IO.Path.Combine(_control, device[(device.IndexOf(':', StringComparison.Ordinal) + 1)..], "abort"), "1");
        EndServer();
    }

    /// <summary>Mounts it at its place (again).</summary>
    public void ComeBack()
    {
        Tool.TryRun("umount", "-l", Path);
        _server = Process.Start(new ProcessStartInfo(Tool.Find("ntfs-3g")!, ["-o", "no_detach", _image, Path]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _server.ErrorDataReceived += (_, _) => { };
        _server.OutputDataReceived += (_, _) => { };
        _server.BeginErrorReadLine();
        _server.BeginOutputReadLine();
        for (int i = 0; Tool.TryRun("mountpoint", "-q", Path).ExitCode != 0; i++)
        {
            Assert.True(i < 600 && !_server.HasExited, "The share could not be mounted.");
            System.Threading.Thread.Sleep(100);
        }
    }

    public void Dispose()
    {
        Tool.TryRun("umount", "-l", Path);
        if (_hasControl)
            Tool.TryRun("umount", _control);
        EndServer();
    }

    private void EndServer()
    {
        if (_server is null)
            return;
        if (!_server.WaitForExit(TimeSpan.FromMinutes(1)))
            _server.Kill();
        _server.WaitForExit();
        _server.Dispose();
        _server = null;
    }
}
