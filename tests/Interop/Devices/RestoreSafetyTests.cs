using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>What a restore to a real device refuses, asks, clears and tells the kernel.</summary>
public sealed class RestoreSafetyTests : IDisposable
{
    private readonly VolumeRig _rig;

    public RestoreSafetyTests()
    {
        Tool.RequireRoot("mkfs.ext4", "e2fsck", "sfdisk", "wipefs");
        _rig = new VolumeRig();
    }

    public void Dispose() => _rig.Dispose();

    /// <summary>A name is given to another device at any time: here to another file behind the same loop device.</summary>
    [Fact]
    public void A_name_that_means_another_device_now_is_found_out_on_the_handle()
    {
        string device = _rig.Noise("first.img", 512, 8 << 20), other = Path.Combine(Path.GetDirectoryName(_rig.Path("x"))!, "second.img");
        File.WriteAllBytes(other, SeededBytes.Make(9, 8 << 20));
        VolumeDescription seen = _rig.Volumes.Find(device);
        ImageBackupInfo image = _rig.Backup(device);
        RestoreCheck check = Check(image.Id, device);
        Tool.Run("losetup", "-d", device);
        Tool.Run("losetup", device, other);

        ImageBackupException source = Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenRead(seen, VolumeOpenMode.Shared));
        Assert.Equal(ErrorId.VolumeChanged, source.Id);
        Assert.Contains("disk sequence number", source.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorId.TargetChanged, Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenTarget(seen)).Id);
        Assert.Equal(ErrorId.TargetChanged, Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, device, r => r with { Confirmed = check.Confirmed })).Id);
        Assert.Equal(SeededBytes.Make(9, 8 << 20), File.ReadAllBytes(other));
        // Nobody was asked about it: the name is all there is.
        _rig.Restore(image.Id, device);
    }

    [Fact]
    public void A_file_that_took_another_s_name_is_not_read()
    {
        File.WriteAllBytes(_rig.Path("a.img"), SeededBytes.Make(1, 1 << 20));
        VolumeDescription seen = _rig.Volumes.Find(_rig.Path("a.img"));
        File.WriteAllBytes(_rig.Path("b.img"), SeededBytes.Make(2, 1 << 20));
        File.Move(_rig.Path("b.img"), _rig.Path("a.img"), overwrite: true);
        Assert.Equal(ErrorId.VolumeChanged, Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenRead(seen, VolumeOpenMode.Shared)).Id);
    }

    /// <summary>The kernel goes on with the partitions of what was there before, until it is told.</summary>
    [Fact]
    public void The_kernel_knows_the_partitions_of_a_restored_disk()
    {
        string file = _rig.Path("disk.img"), device = Disk(file);
        Tool.Run("bash", "-c", $"printf 'label: gpt\\n start=2048, size=4096\\n start=8192, size=8192\\n' | sfdisk -q {device}");
        ImageBackupInfo image = _rig.Backup(device);
        string target = Disk(_rig.Path("target.img"));
        // A kernel without parsers for tables forgets the old partitions all the same.
        Tool.Run("blockdev", "--rereadpt", device);
        bool parses = Directory.Exists(Partition(device, 2));
        Tool.Run("addpart", target, "7", "16384", "2048");
        Assert.True(Directory.Exists(Partition(target, 7)));
        RestoreResult result = _rig.Restore(image.Id, target);
        Assert.Empty(result.Warnings);
        Assert.False(Directory.Exists(Partition(target, 7)));
        if (parses)
            Assert.Equal("8192", File.ReadAllText(Path.Combine(Partition(target, 2), "size")).Trim());

        // Onto what has partitions now: only by force, and the new table takes the old one's place.
        Tool.Run("bash", "-c", $"printf 'label: dos\\n start=4096, size=2048\\n' | sfdisk -q {device}");
        ImageBackupInfo second = _rig.Backup(device);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(second.Id, target));
        Assert.Equal(ErrorId.TargetHoldsData, e.Id);
        Assert.Contains("2 partitions", e.Message, StringComparison.Ordinal);
        _rig.Restore(second.Id, target, r => r with { Force = true });
        if (parses)
            Assert.Equal("2048", File.ReadAllText(Path.Combine(Partition(target, 1), "size")).Trim());
        Assert.False(Directory.Exists(Partition(target, 2)));
    }

    /// <summary>A loop device whose table the kernel never reads keeps what was added by hand: that is said.</summary>
    [Fact]
    public void Old_partitions_that_the_kernel_keeps_are_a_warning()
    {
        ImageBackupInfo image = _rig.Backup(_rig.Noise("source.img", 512, 4 << 20));
        string target = _rig.Noise("target.img", 512, 16 << 20);
        Assert.SkipUnless(Tool.TryRun("addpart", target, "1", "2048", "2048").Code == 0, "This kernel adds no partitions to such a loop device.");
        _rig.Undo(() => Tool.TryRun("delpart", target, "1"));
        Assert.Contains(_rig.Restore(image.Id, target).Warnings, w => w.Contains($"partprobe {target}", StringComparison.Ordinal));
    }

    /// <summary>Neither discarding nor the image reaches them: both ends of a ZFS member, the copy of a GPT, an array's superblock.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Old_signatures_do_not_survive(bool canDiscard)
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, 512);
        ImageBackupInfo image = _rig.Backup(device);
        // As an ext4 shorter than its device, with marks in the unused middle and behind the end.
        long sizeBytes = image.SizeBytes + (8 << 20);
        string file = _rig.Path("target.img");
        using (FileStream stream = File.Create(file))
        {
            stream.SetLength(sizeBytes);
            foreach (long label in new[] { 0, 256 << 10, sizeBytes - (512 << 10), sizeBytes - (256 << 10) })
                Write(stream, label + (128 << 10), "0CB1BA0000000000");
            Write(stream, sizeBytes - 512, "4546492050415254");
            Write(stream, sizeBytes - 8192, "FC4E2BA901000000");
            Write(stream, sizeBytes - 8192 + 144, Convert.ToHexString(BitConverter.GetBytes((sizeBytes - 8192) / 512)));
        }
        string target = _rig.Loop(file, 512);
        if (!canDiscard)
        {
            string limit = $"/sys/block/{Path.GetFileName(target)}/queue/discard_max_bytes";
            File.WriteAllText(limit, "0");
        }
        RestoreResult result = _rig.Restore(image.Id, target, r => r with { Force = true });
        Assert.NotEmpty(result.ClearedSignatures);
        string left = Tool.Run("wipefs", "--noheadings", "--output", "TYPE", target);
        Assert.Equal(["ext4"], left.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()).Distinct());
        _rig.AssertHolds(kind, target, files);
    }

    [Fact]
    public void Sectors_that_the_file_system_cannot_use_are_refused()
    {
        Tool.RequireRoot("mkfs.vfat", "mkfs.xfs");
        string fat = _rig.Noise("fat.img", 512, 40 << 20);
        Tool.Run("mkfs.vfat", "-F", "32", fat);
        ImageBackupInfo image = _rig.Backup(fat);
        string target = _rig.Noise("4k.img", 4096, image.SizeBytes);
        string before = VolumeRig.HashOf(target);
        Assert.Equal(ErrorId.SectorSizeDiffers, Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, target)).Id);
        Assert.Equal(before, VolumeRig.HashOf(target));
        // And the refusal is true: the kernel mounts none of what Force writes.
        Assert.Contains(_rig.Restore(image.Id, target, r => r with { Force = true }).Warnings, w => w.Contains("could not be used there", StringComparison.Ordinal));
        Assert.NotEqual(0, Tool.TryRun("mount", "-t", "vfat", "-o", "ro", target, Directory.CreateDirectory(_rig.Path("m")).FullName).Code);

        string xfs = _rig.Noise("xfs.img", 512, 320 << 20);
        Tool.Run("mkfs.xfs", "-q", "-f", "-s", "size=4096", xfs);
        _rig.Restore(_rig.Backup(xfs).Id, _rig.Noise("4k-xfs.img", 4096, 320 << 20));
    }

    /// <summary>A copy of a mounted file system that is not mounted here any more is what a disk in another computer looks like.</summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public void A_file_system_that_somebody_else_has_mounted_is_not_overwritten(string name)
    {
        FileSystemKind kind = FileSystemKind.Get(name);
        Tool.RequireRoot(kind.Needs);
        (string device, _) = _rig.Volume(kind, 512);
        ImageBackupInfo image = _rig.Backup(device, type: ImageType.Static);
        string point = _rig.Mount(kind, device);
        File.WriteAllText(Path.Combine(point, "new"), "x");
        Tool.Run("sync", "-f", point);
        string copy = _rig.Path("copy.img");
        Tool.Run("cp", "--sparse=never", device, copy);
        // While the volume itself is mounted here, it is a copy of ours.
        string target = _rig.Loop(copy, 512);
        Assert.DoesNotContain(_rig.Backup(target).Warnings, w => w.Contains("MaybeInUseElsewhere", StringComparison.Ordinal));
        VolumeRig.Unmount(point);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, target));
        Assert.Equal(ErrorId.MaybeInUseElsewhere, e.Id);
        Assert.Contains(_rig.Backup(target).Warnings, w => w.Contains("MaybeInUseElsewhere", StringComparison.Ordinal));
        Assert.Empty(_rig.Backup(device).Warnings);
        _rig.Restore(image.Id, target, r => r with { Force = true });
        Assert.Empty(_rig.Restore(image.Id, target).Warnings);
    }

    [Fact]
    public void A_volume_group_of_another_computer_says_so()
    {
        Tool.RequireRoot("pvcreate", "vgcreate", "vgchange");
        string device = _rig.Noise("pv.img", 512, 64 << 20);
        string[] own = ["--devices", device, "--config", "devices{use_devicesfile=0} global{system_id_source=\"none\"} activation{udev_sync=0 udev_rules=0}"];
        (int code, string output) = Tool.TryRun("pvcreate", [.. own, "-y", "-ff", device]);
        Assert.SkipUnless(code == 0, $"LVM does not work here: {output}");
        string group = "ibtest" + Guid.NewGuid().ToString("N")[..8];
        Tool.Run("vgcreate", [.. own, "--systemid", "elsewhere", "-y", group, device]);
        ImageBackupInfo image = _rig.Backup(_rig.Noise("small.img", 512, 1 << 20));
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, device));
        Assert.Equal(ErrorId.MaybeInUseElsewhere, e.Id);
        Assert.Contains($"the volume group '{group}' belongs to the computer 'elsewhere'", e.Message, StringComparison.Ordinal);
        Assert.Contains("an LVM physical volume", e.Message, StringComparison.Ordinal);
    }

    /// <summary>It was called "in use", by nobody.</summary>
    [Fact]
    public void A_frozen_file_system_is_called_frozen()
    {
        Tool.RequireRoot("fsfreeze");
        FileSystemKind kind = FileSystemKind.Get("ext4");
        (string device, _) = _rig.Volume(kind, 512);
        string point = _rig.Mount(kind, device);
        string options = Options(point);
        Tool.Run("fsfreeze", "--freeze", point);
        _rig.Undo(() => Tool.TryRun("fsfreeze", "--unfreeze", point));
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []));
        Assert.Equal(ErrorId.VolumeInUse, e.Id);
        Assert.Contains("is frozen (fsfreeze)", e.Message, StringComparison.Ordinal);
        Assert.Contains($"fsfreeze --unfreeze {point}", e.RecommendedAction, StringComparison.Ordinal);
        // A copy as it is needs no writes.
        _rig.Backup(device, type: ImageType.Dynamic);
        Tool.Run("fsfreeze", "--unfreeze", point);
        using (new FileStream(Path.Combine(point, "open"), FileMode.Create))
        {
            e = Assert.Throws<ImageBackupException>(() => _rig.Volumes.OpenQuiesced(_rig.Volumes.Find(device), []));
            Assert.Contains("in use by", e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("frozen", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(options, Options(point));
    }

    private RestoreCheck Check(string id, string destination) => new RestoreJob(_rig.Repository, _rig.Volumes).Check(
        new RestoreRequest { ImageId = id, Destination = destination }, CancellationToken.None);

    /// <summary>A loop device whose partitions the kernel reads.</summary>
    private string Disk(string file)
    {
        using (FileStream stream = File.Create(file))
            stream.SetLength(16 << 20);
        string device = _rig.Loop(file, 512);
        Tool.Run("losetup", "-d", device);
        Tool.Run("losetup", "-P", device, file);
        return device;
    }

    private static string Partition(string disk, int number) => $"/sys/block/{Path.GetFileName(disk)}/{Path.GetFileName(disk)}p{number}";

    private static string Options(string point) => File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' '))
        .Where(fields => fields[4] == point).Select(fields => fields[5] + " - " + fields[^1]).Last();

    private static void Write(FileStream stream, long offset, string hexadecimal)
    {
        stream.Position = offset;
        stream.Write(Convert.FromHexString(hexadecimal));
    }
}
