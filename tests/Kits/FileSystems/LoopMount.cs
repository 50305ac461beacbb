using System;
using System.IO;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>An image mounted through a loop device; unmounted and detached when disposed.</summary>
internal sealed class LoopMount : IDisposable
{
    public LoopMount(string imagePath, string type, string options = "rw", int sectorSizeBytes = 512)
    {
        Path = imagePath + ".mnt";
        Directory.CreateDirectory(Path);
        string readOnly = options.Split(',')[0] == "ro" ? " -r" : "";
        Device = Tool.Shell($"losetup -f --show{readOnly} -b {sectorSizeBytes} '{imagePath}'").Trim();
        try
        {
            // A killed run may have left the device marked read-only.
            if (readOnly.Length == 0)
                Tool.TryRun("blockdev", "--setrw", Device);
            Tool.Run("mount", "-t", type, "-o", options, Device, Path);
        }
        catch
        {
            Tool.TryRun("losetup", "-d", Device);
            throw;
        }
    }

    public string Path { get; }
    public string Device { get; }

    public void Dispose()
    {
        (int code, _, string error) = Tool.TryRun("umount", Path);
        for (int i = 0; code != 0 && i < 20; i++)
        {
            System.Threading.Thread.Sleep(100);
            (code, _, error) = Tool.TryRun("umount", Path);
        }
        Tool.TryRun("losetup", "-d", Device);
        if (code != 0)
            throw new IOException(error);
        Directory.Delete(Path);
    }
}
