using System;
using System.IO;
using System.Threading;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>A file system in use through its FUSE driver; unmounted, and its files on disk, after Dispose.</summary>
internal sealed class FuseMount : IDisposable
{
    private readonly string? _device;

    /// <param name="driver">The mount helper.</param>
    /// <param name="image">What to mount.</param>
    /// <param name="options">Mount options.</param>
    /// <param name="needsDevice">The driver takes no plain file: a loop device stands between.</param>
    public FuseMount(string driver, ImageFile image, string options = "", bool needsDevice = false)
    {
        Directory.CreateDirectory(Root);
        _device = needsDevice ? Tool.Run("losetup", "-f", "--show", image.Path).Trim() : null;
        string source = _device ?? image.Path;
        string[] arguments = options.Length == 0 ? [source, Root] : ["-o", options, source, Root];
        (int exitCode, string output, string error) = Tool.TryRun(driver, arguments);
        if (exitCode != 0)
        {
            Directory.Delete(Root);
            Detach();
            Assert.Fail($"{driver} {string.Join(' ', arguments)} ended with {exitCode}: {output} {error}");
        }
    }

    /// <summary>Skips the test if FUSE mounts are not possible.</summary>
    public static void Require() =>
        Assert.SkipUnless(File.Exists("/dev/fuse") && Environment.IsPrivilegedProcess, "FUSE mounts need /dev/fuse and root");

    public string Root { get; } = Path.Combine(Path.GetTempPath(), $"imagebackup-mount-{Guid.NewGuid():N}");

    public void Dispose()
    {
        // The driver writes back after umount returned: the image is unchanging when the process has let go of it.
        for (int attempt = 0; Tool.TryRun("umount", Root).ExitCode != 0; attempt++)
        {
            if (attempt == 20)
                throw new IOException($"{Root} cannot be unmounted");
            Thread.Sleep(250);
        }
        Directory.Delete(Root);
        Detach();
    }

    // The driver may still write back when umount has returned; it holds the device until it is done.
    private void Detach()
    {
        if (_device is null)
            return;
        for (int attempt = 0; attempt < 40; attempt++)
        {
            if (Tool.TryRun("fuser", _device).ExitCode != 0)
                break;
            Thread.Sleep(50);
        }
        Tool.Run("losetup", "-d", _device);
    }
}
