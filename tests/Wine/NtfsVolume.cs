using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace ImageBackup.Tests.Wine;

/// <summary>
/// An NTFS volume on a loop device, mounted by ntfs-3g. What Wine calls a dismount unmounts it and detaches a loop device (the
/// kernel does that at once if only one handle is open, else with the last one): so one is held open here.
/// </summary>
internal sealed class NtfsVolume : IDisposable
{
    private readonly string _image;
    private SafeFileHandle? _held;

    public NtfsVolume(string directory, string name, long sizeBytes)
    {
        MountPoint = Path.Combine(directory, name);
        _image = MountPoint + ".img";
        Directory.CreateDirectory(MountPoint);
        using (FileStream stream = File.Create(_image))
            stream.SetLength(sizeBytes);
    }

    public string MountPoint { get; }
    public string Image => _image;

    /// <summary>The loop device, while one is attached.</summary>
    public string? Device => Tool.Run("losetup", "--associated", _image).Split(':')[0] is { Length: > 0 } device ? device : null;

    public void Format(string label) => Tool.Run("mkfs.ntfs", "--quick", "--force", "--quiet", "--label", label, _image);

    /// <summary>Files of several sizes, among them small ones that live in their file records, and one that is fragmented.</summary>
    public void Fill(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 60; i++)
        {
            string folder = Path.Combine(MountPoint, "folder" + i % 5);
            Directory.CreateDirectory(folder);
            byte[] content = new byte[i % 3 == 0 ? random.Next(400) : random.Next(400_000)];
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(folder, $"file{i}.bin"), content);
        }
        for (int i = 0; i < 60; i += 4)
            File.Delete(Path.Combine(MountPoint, "folder" + i % 5, $"file{i}.bin"));
        byte[] large = new byte[6_000_000];
        random.NextBytes(large);
        File.WriteAllBytes(Path.Combine(MountPoint, "large.bin"), large);
    }

    public void Mount()
    {
        if (IsMounted)
            return;
        Tool.Run("mount", "-t", "ntfs-3g", Attach(), MountPoint);
    }

    public bool IsMounted => File.ReadAllText("/proc/self/mounts").Contains($" {MountPoint} ", StringComparison.Ordinal);

    public void Unmount()
    {
        if (IsMounted)
            Tool.Run("umount", MountPoint);
    }

    /// <summary>Attached, and not mounted.</summary>
    public string Attach()
    {
        Unmount();
        string device = Device ?? Tool.Run("losetup", "--find", "--show", _image).Trim();
        _held ??= File.OpenHandle(device, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return device;
    }

    /// <summary>Every file and what is in it.</summary>
    public SortedDictionary<string, string> Hashes() => new(Directory.GetFiles(MountPoint, "*", SearchOption.AllDirectories)
        .ToDictionary(file => Path.GetRelativePath(MountPoint, file), file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))), StringComparer.Ordinal);

    /// <summary>It is the volume SOURCE with these files now.</summary>
    public void ProveEqual(SortedDictionary<string, string> before)
    {
        string device = Attach();
        Tool.Run("ntfsfix", "--no-action", device);
        Assert.Contains("SOURCE", Tool.Run("ntfsinfo", "--mft", device), StringComparison.Ordinal);
        Mount();
        Assert.Equal(before, Hashes());
    }

    public void Dispose()
    {
        for (int attempt = 0; IsMounted && attempt < 20; attempt++)
        {
            _ = Tool.Try(new System.Diagnostics.ProcessStartInfo("umount", [MountPoint]), TimeSpan.FromMinutes(1));
            if (IsMounted)
                Thread.Sleep(500);
        }
        _held?.Dispose();
        if (Device is { } device)
            _ = Tool.Try(new System.Diagnostics.ProcessStartInfo("losetup", ["--detach", device]), TimeSpan.FromMinutes(1));
    }
}
