using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>A file system and the tools that make, mount and check it.</summary>
internal sealed record FileSystemKind(string Name, int SizeMiB, string[] Make, string[] Check, string? Mounter, string[] Needs)
{
    public static FileSystemKind Get(string name) => s_kinds.Single(k => k.Name == name);

    // Each about as small as its maker takes; the checkers only read.
    private static readonly FileSystemKind[] s_kinds =
    [
        new("ext4", 48, ["mkfs.ext4", "-q", "-F"], ["e2fsck", "-fn"], null, ["mkfs.ext4", "e2fsck"]),
        new("xfs", 320, ["mkfs.xfs", "-q", "-f"], ["xfs_repair", "-n"], null, ["mkfs.xfs", "xfs_repair"]),
        new("btrfs", 128, ["mkfs.btrfs", "-q", "-f"], ["btrfs", "check", "--readonly"], null, ["mkfs.btrfs", "btrfs"]),
        new("ntfs", 32, ["mkfs.ntfs", "-q", "-F", "-Q"], ["ntfsfix", "-n"], "ntfs-3g", ["mkfs.ntfs", "ntfsfix", "ntfs-3g"]),
    ];
}

/// <summary>A repository and loop devices.</summary>
internal sealed class VolumeRig : IDisposable
{
    private readonly Rig _rig = new();

    public VolumeRig()
    {
        Repository = TestRepository.Create(_rig.Path("repo"));
        _rig.Undo(Repository.Dispose);
    }

    public ImageRepository Repository { get; }
    public IVolumeSystem Volumes { get; } = VolumeSystem.Current;

    public string Path(string name) => _rig.Path(name);

    /// <summary>A loop device full of noise.</summary>
    public string Noise(string name, int sectorSizeBytes, long sizeBytes)
    {
        string file = Path(name);
        byte[] noise = SeededBytes.Make(4711, 1 << 20);
        using (FileStream stream = File.Create(file))
        {
            for (long offset = 0; offset < sizeBytes; offset += noise.Length)
                stream.Write(noise, 0, (int)Math.Min(noise.Length, sizeBytes - offset));
        }
        return Loop(file, sectorSizeBytes);
    }

    public string Loop(string file, int sectorSizeBytes) => _rig.Loop(file, "--sector-size", $"{sectorSizeBytes}");

    /// <summary>A volume with files in it, not mounted, and the hashes of the files.</summary>
    public (string Device, Dictionary<string, string> Files) Volume(FileSystemKind kind, int sectorSizeBytes)
    {
        string device = Noise(kind.Name + ".img", sectorSizeBytes, (long)kind.SizeMiB << 20);
        Tool.Run(kind.Make[0], [.. kind.Make[1..], device]);
        string point = Mount(kind, device);
        Fill(point);
        Dictionary<string, string> files = Hashes(point);
        Unmount(point);
        return (device, files);
    }

    public string Mount(FileSystemKind kind, string device, bool isReadOnly = false)
    {
        string point = Directory.CreateDirectory(Path("mnt-" + Guid.NewGuid().ToString("N"))).FullName;
        string options = isReadOnly ? kind.Name == "xfs" ? "ro,nouuid" : "ro" : "rw";
        if (kind.Mounter is { } mounter)
            Tool.Run(mounter, "-o", options, device, point);
        else
            Tool.Run("mount", "-o", options, device, point);
        _rig.Undo(() => Tool.TryRun("umount", "-l", point));
        return point;
    }

    public static void Unmount(string point) => Tool.Run("umount", point);

    /// <summary>Mounts it read-only and compares every file.</summary>
    public void AssertHolds(FileSystemKind kind, string device, Dictionary<string, string> files)
    {
        (int code, string output) = Tool.TryRun(kind.Check[0], [.. kind.Check[1..], device]);
        Assert.True(code == 0, $"{kind.Check[0]} ended with {code}: {output}");
        string point = Mount(kind, device, isReadOnly: true);
        Assert.Equal(files, Hashes(point));
        Unmount(point);
    }

    public ImageBackupInfo Backup(string device, long? gapSizeBytes = null, ImageType? type = null) => new BackupJob(Repository, Volumes).Run(
        new BackupRequest { Volume = Volumes.Find(device), GapSizeBytes = gapSizeBytes ?? BackupRequest.DefaultGapSizeBytes, ImageType = type }, null, CancellationToken.None);

    public RestoreResult Restore(string id, string destination, Func<RestoreRequest, RestoreRequest>? change = null)
    {
        var request = new RestoreRequest { ImageId = id, Destination = destination };
        return new RestoreJob(Repository, Volumes).Run(change?.Invoke(request) ?? request, null, CancellationToken.None);
    }

    /// <summary>The hash of a device's bytes, read past the page cache's left-overs.</summary>
    public static string HashOf(string device)
    {
        Tool.TryRun("blockdev", "--flushbufs", device);
        using FileStream stream = File.OpenRead(device);
        return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(stream));
    }

    public void Undo(Action action) => _rig.Undo(action);

    public void Dispose() => _rig.Dispose();

    private static void Fill(string point)
    {
        Directory.CreateDirectory(System.IO.Path.Combine(point, "sub", "deep"));
        File.WriteAllBytes(System.IO.Path.Combine(point, "random"), SeededBytes.Make(1, 6 << 20));
        File.WriteAllBytes(System.IO.Path.Combine(point, "sub", "zeros"), new byte[3 << 20]);
        for (int i = 0; i < 150; i++)
            File.WriteAllBytes(System.IO.Path.Combine(point, "sub", "deep", $"small {i}"), SeededBytes.Make(i, i * 97));
        // Holes in the map of used blocks.
        for (int i = 0; i < 40; i++)
            File.WriteAllBytes(System.IO.Path.Combine(point, $"hole{i}"), SeededBytes.Make(i, 200_000));
        for (int i = 0; i < 40; i += 2)
            File.Delete(System.IO.Path.Combine(point, $"hole{i}"));
    }

    private static Dictionary<string, string> Hashes(string point) => Directory.GetFiles(point, "*", SearchOption.AllDirectories)
        .ToDictionary(f => System.IO.Path.GetRelativePath(point, f), f => BlobId.Of(File.ReadAllBytes(f)).ToString());
}
