using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Tests.Interop.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>Static images of mounted volumes, on plain loop devices: remounted read-only, copied, put back.</summary>
public sealed class QuiescedTests : IDisposable
{
    private readonly VolumeRig _rig;

    public QuiescedTests()
    {
        Tool.RequireRoot("mkfs.ext4", "mkfs.xfs", "e2fsck", "xfs_repair");
        _rig = new VolumeRig();
    }

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData("ext4", "nosuid,nodev,noatime,commit=17,errors=remount-ro")]
    [InlineData("xfs", "noexec,sync,nouuid")]
    [InlineData("btrfs", "lazytime,noatime,commit=17")]
    public void A_mounted_volume_is_copied_quiesced_and_put_back_with_its_options(string name, string options)
    {
        FileSystemKind kind = FileSystemKind.Get(name);
        Tool.RequireRoot(kind.Needs);
        (string device, var files) = _rig.Volume(kind, 512);
        string point = Mount(device, options), second = Mount(device, options);
        string before = Options(point), secondBefore = Options(second);
        using IQuiescedVolume resting = _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), [_rig.Repository.Location]);
        Assert.StartsWith("remounted read-only at ", resting.How, StringComparison.Ordinal);
        Assert.Contains(point, resting.How, StringComparison.Ordinal);
        Assert.Contains(second, resting.How, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(point, "new"), "x"));
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(second, "new"), "x"));
        Assert.Null(resting.Disturbance());
        // Another run of ours that comes by leaves it alone.
        Assert.Empty(_rig.Volumes.RestoreLeftQuiesced());
        Assert.Equal(ErrorId.VolumeInUse, Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), [])).Id);
        Assert.Empty(resting.Release());
        Assert.Equal((before, secondBefore), (Options(point), Options(second)));
        File.WriteAllText(Path.Combine(second, "new"), "x");
        File.Delete(Path.Combine(second, "new"));

        ImageBackupInfo image = _rig.Backup(device, type: ImageType.Static);
        Assert.Equal((ImageType.Static, false), (image.ImageType, image.IsFuzzy));
        Assert.Contains("remounted read-only", image.QuiescedBy, StringComparison.Ordinal);
        Assert.Empty(image.Warnings);
        Assert.Equal((before, secondBefore), (Options(point), Options(second)));
        VolumeRig.Unmount(point);
        VolumeRig.Unmount(second);
        string target = _rig.Noise("target.img", 512, image.SizeBytes);
        _rig.Restore(image.Id, target);
        // Two file systems of one id cannot both be known to the kernel.
        if (name == "btrfs")
            Tool.Run("dd", "if=/dev/zero", "of=" + device, "bs=1M", "count=66", "conv=fsync");
        _rig.AssertHolds(kind, target, files);
    }

    [Fact]
    public void Who_writes_is_named_and_nothing_is_changed()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "rw");
        using (new FileStream(Path.Combine(point, "open file"), FileMode.Create, FileAccess.Write))
        {
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => Rest(device));
            Assert.Equal(ErrorId.VolumeInUse, e.Id);
            Assert.Contains($"({Environment.ProcessId}: {point}/open file)", e.Message, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(point, "other"), "still writable");
        }
        Rest(device);
        File.WriteAllText(Path.Combine(point, "other"), "writable again");
    }

    /// <summary>Seen: 21 writes of an application failed, and nobody had said that they would.</summary>
    [Fact]
    public void A_backup_says_that_a_writable_mount_becomes_read_only()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "rw");
        VolumeDescription volume = _rig.Volumes.Find(device);
        Assert.False(volume.IsMountedReadOnly);
        Assert.Contains($"remounted read-only at {point} while it is copied: programs that write", Effect(volume), StringComparison.Ordinal);
        string warning = Assert.Single(Warnings(volume));
        Assert.Contains($"'{device}' was writable and is read-only at {point}", warning, StringComparison.Ordinal);

        Tool.Run("mount", "-o", "remount,ro", point);
        volume = _rig.Volumes.Find(device);
        Assert.True(volume.IsMountedReadOnly);
        Assert.Contains("read-only at " + point + " already", Effect(volume), StringComparison.Ordinal);
        Assert.Empty(Warnings(volume));
        VolumeRig.Unmount(point);
        Assert.Empty(Warnings(_rig.Volumes.Find(device)));

        string Effect(VolumeDescription of) => BackupEffect.Describe(of, ImageType.Static, QuiesceOptions.Default);

        List<string> Warnings(VolumeDescription of)
        {
            var given = new List<string>();
            new BackupJob(_rig.Repository, _rig.Volumes) { WriteWarning = given.Add }.Run(
                new BackupRequest { Volume = of, ImageType = ImageType.Static }, null, CancellationToken.None);
            return given;
        }
    }

    [Fact]
    public void What_is_read_only_already_stays_so()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "ro");
        ImageBackupInfo image = _rig.Backup(device, type: ImageType.Static);
        Assert.Contains("mounted read-only already", image.QuiescedBy, StringComparison.Ordinal);
        Assert.StartsWith("ro", Options(point), StringComparison.Ordinal);
    }

    /// <summary>A mount that is read-only itself of a file system that is not.</summary>
    [Fact]
    public void A_read_only_mount_stays_one()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "rw");
        Tool.Run("mount", "-o", "remount,bind,ro", point);
        string before = Options(point);
        Rest(device);
        Assert.Equal(before, Options(point));
    }

    [Fact]
    public void The_volume_of_the_repository_is_never_taken()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "rw");
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), [Path.Combine(point, "repository")]));
        Assert.Equal(ErrorId.VolumeNeeded, e.Id);
        File.WriteAllText(Path.Combine(point, "x"), "writable");
    }

    [Fact]
    public void Somebody_who_remounts_it_writable_is_noticed()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string point = Mount(device, "rw");
        using IQuiescedVolume resting = _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []);
        Tool.Run("mount", "-o", "remount,rw", point);
        Assert.Contains("writable", resting.Disturbance(), StringComparison.Ordinal);
        Assert.Empty(resting.Release());
    }

    [Fact]
    public void A_volume_of_a_driver_in_user_space_is_not_remounted()
    {
        FileSystemKind kind = FileSystemKind.Get("ntfs");
        Tool.RequireRoot(kind.Needs);
        (string device, _) = _rig.Volume(kind, 512);
        _rig.Mount(kind, device);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Rest(device));
        Assert.Equal(ErrorId.VolumeInUse, e.Id);
        Assert.Contains("user space", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A user's mount that calls the volume its source and itself read-only says nothing of the volume.</summary>
    [Fact]
    public void A_users_mount_does_not_pass_a_volume_off_as_read_only()
    {
        Assert.SkipUnless(File.Exists("/dev/fuse"), "There is no /dev/fuse.");
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        string liar = Directory.CreateDirectory(_rig.Path("liar")).FullName;
        using FileDescriptor fuse = FileDescriptor.Open("/dev/fuse", Libc.O_RDWR, out _)!;
        // What fusermount does for a user with -o ro,fsname=DEVICE. Nobody serves it: a program that asks anything of it waits.
        string options = $"fd={fuse.DangerousGetHandle()},rootmode=40000,user_id=65534,group_id=65534";
        Assert.Equal(0, Libc.mount(LinuxPath.ToNative(device), LinuxPath.ToNative(liar), LinuxPath.ToNative("fuse"),
            (nuint)(Libc.MS_RDONLY | Libc.MS_NODEV | Libc.MS_NOSUID), LinuxPath.ToNative(options)));
        try
        {
            Assert.DoesNotContain(liar, _rig.Volumes.Find(device).MountPoints);
            using (IQuiescedVolume resting = _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []))
                Assert.Equal("held exclusively", resting.How);
            string point = Mount(device, "rw");
            using (IQuiescedVolume resting = _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []))
                Assert.Equal("remounted read-only at " + point, resting.How);
            File.WriteAllText(Path.Combine(point, "x"), "writable again");
        }
        finally
        {
            Tool.TryRun("umount", "-l", liar);
        }
    }

    [Fact]
    public void An_unmounted_volume_is_held_exclusively()
    {
        (string device, _) = _rig.Volume(FileSystemKind.Get("ext4"), 512);
        using IQuiescedVolume resting = _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []);
        Assert.Equal("held exclusively", resting.How);
        Assert.NotEqual(0, Tool.TryRun("mount", device, Directory.CreateDirectory(_rig.Path("m")).FullName).Code);
    }

    private void Rest(string device) => _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []).Dispose();

    private string Mount(string device, string options)
    {
        string point = Directory.CreateDirectory(_rig.Path("mnt-" + Guid.NewGuid().ToString("N"))).FullName;
        Tool.Run("mount", "-o", options, device, point);
        _rig.Undo(() => Tool.TryRun("umount", "-l", point));
        return point;
    }

    /// <summary>
    /// Which subvolume a mount shows is among the file system's options in mountinfo: two mounts differ in it, and nothing was changed.
    /// </summary>
    [Fact]
    public void Two_subvolumes_of_which_one_is_read_only_are_put_back_without_a_warning()
    {
        FileSystemKind kind = FileSystemKind.Get("btrfs");
        Tool.RequireRoot(kind.Needs);
        (string device, _) = _rig.Volume(kind, 512);
        string top = Mount(device, "rw");
        Tool.Run("btrfs", "subvolume", "create", Path.Combine(top, "s1"));
        Tool.Run("btrfs", "subvolume", "create", Path.Combine(top, "s2"));
        VolumeRig.Unmount(top);
        string first = Mount(device, "ro,subvol=s1"), second = Mount(device, "rw,subvol=s2");
        string before = Options(first), secondBefore = Options(second);
        ImageBackupInfo image = _rig.Backup(device, type: ImageType.Static);
        Assert.Equal((ImageType.Static, false), (image.ImageType, image.IsFuzzy));
        Assert.Empty(image.Warnings);
        Assert.Equal((before, secondBefore), (Options(first), Options(second)));
        File.WriteAllText(Path.Combine(second, "new"), "x");
    }

    /// <summary>The mount's own options and the file system's.</summary>
    private static string Options(string point) => File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' '))
        .Where(fields => fields[4] == point).Select(fields => fields[5] + " - " + fields[^1]).Last();
}
