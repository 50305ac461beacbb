using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>What a backup does to the system's page cache: what others keep there stays, and the volume does not come in.</summary>
public sealed partial class CacheTests : IDisposable
{
    private const int PageBytes = 4096;

    private VolumeRig? _rig;

    public void Dispose() => _rig?.Dispose();

    [Fact]
    public void A_backup_leaves_a_servers_cached_files_alone_and_its_device_out_of_the_cache()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs, "fincore", "cat", "sync"]);
        _rig = new VolumeRig();
        (string device, _) = _rig.Volume(kind, 512);
        string point = _rig.Mount(kind, device);
        // What a server works with: read, and in the cache since.
        string[] files = Directory.GetFiles(point, "*", SearchOption.AllDirectories);
        foreach (string file in files)
            File.ReadAllBytes(file);
        long before = CachedBytes(files);
        Assert.True(before > 1 << 20, $"{before} bytes are cached.");

        _rig.Backup(point, gapSizeBytes: 0, type: ImageType.Dynamic);
        Assert.Equal(before, CachedBytes(files));
        long deviceBytes = CachedDeviceBytes(device);
        // The map and the superblock go through the cache; the data does not.
        Assert.InRange(deviceBytes, 0, 8 << 20);
    }

    [Fact]
    public void Loop_devices_are_read_past_the_cache()
    {
        Tool.RequireRoot("cmp");
        _rig = new VolumeRig();
        string device = _rig.Noise("noise.img", 4096, (9 << 20) + 4096);
        using Engine.Blocks.IBlockReader reader = _rig.Volumes.OpenRead(_rig.Volumes.Find(device), VolumeOpenMode.Exclusive);
        Assert.Equal(4 << 20, Assert.IsAssignableFrom<Engine.Blocks.IQueuedReader>(reader).QueueBytes);
        byte[] all = new byte[reader.LengthBytes];
        Assert.Equal(all.Length, reader.ReadAt(0, all));
        Assert.Equal(File.ReadAllBytes(_rig.Path("noise.img")), all);
        Assert.InRange(CachedDeviceBytes(device), 0, 1 << 20);
    }

    private static long CachedBytes(string[] files) => Tool.Run("fincore", ["--bytes", "--noheadings", "--output", "RES", .. files])
        .Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(line => long.Parse(line.Trim(), CultureInfo.InvariantCulture));

    /// <summary>How much of a device the page cache holds, by mincore(2). It stays so while somebody has the device open.</summary>
    private static long CachedDeviceBytes(string device)
    {
        long lengthBytes = long.Parse(Tool.Run("blockdev", "--getsize64", device), CultureInfo.InvariantCulture) / PageBytes * PageBytes;
        using FileStream file = File.OpenRead(device);
        nint map = MMap(0, (nuint)lengthBytes, 1 /* PROT_READ */, 1 /* MAP_SHARED */, file.SafeFileHandle, 0);
        Assert.NotEqual(-1, map);
        try
        {
            byte[] pages = new byte[lengthBytes / PageBytes];
            Assert.Equal(0, MInCore(map, (nuint)lengthBytes, pages));
            return pages.Count(p => (p & 1) != 0) * (long)PageBytes;
        }
        finally
        {
            _ = MUnmap(map, (nuint)lengthBytes);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, SafeHandle file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int MInCore(nint address, nuint length, byte[] pages);
}
