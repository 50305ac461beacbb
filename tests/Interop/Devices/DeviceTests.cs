using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Restore;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>Real file systems on real block devices, there and back.</summary>
public sealed class DeviceTests : IDisposable
{
    private VolumeRig? _rig;

    public void Dispose() => _rig?.Dispose();

    [Theory]
    [InlineData("ext4", 512)]
    [InlineData("ext4", 4096)]
    [InlineData("xfs", 512)]
    [InlineData("xfs", 4096)]
    [InlineData("btrfs", 512)]
    [InlineData("btrfs", 4096)]
    [InlineData("ntfs", 512)]
    [InlineData("ntfs", 4096)]
    public void A_volume_comes_back_onto_another_device(string name, int sectorSizeBytes)
    {
        FileSystemKind kind = FileSystemKind.Get(name);
        Tool.RequireRoot([.. kind.Needs, "umount", "blockdev"]);
        _rig = new VolumeRig();
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, sectorSizeBytes);
        Assert.Equal(190 - 20 + 2, files.Count);

        // Whole: byte for byte.
        ImageBackupInfo whole = _rig.Backup(device, gapSizeBytes: 0);
        Assert.Equal((ImageType.Static, false, sectorSizeBytes, name), (whole.ImageType, whole.IsFuzzy, whole.SectorSizeBytes, whole.FileSystem));
        string target = _rig.Noise("target.img", sectorSizeBytes, (long)kind.SizeMiB << 20);
        RestoreResult restored = _rig.Restore(whole.Id, target, r => r with { VerifyTarget = true });
        Assert.True(restored.Verified);
        Tool.Run("cmp", device, target);
        _rig.AssertHolds(kind, target, files);

        // Used blocks only: far less, and nothing that a check or a reader could miss.
        ImageBackupInfo used = _rig.Backup(device);
        Assert.True(used.UsedBytes < used.SizeBytes * 3 / 4, $"{used.UsedBytes} of {used.SizeBytes}: {string.Join(", ", used.Warnings)}");
        string second = _rig.Noise("second.img", sectorSizeBytes, (long)kind.SizeMiB << 20);
        _rig.Restore(used.Id, second, r => r with { VerifyTarget = true });
        _rig.AssertHolds(kind, second, files);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    /// <summary>Unused blocks are left alone, discarded, or cleared, as asked; the used ones are the same.</summary>
    [Fact]
    public void Unused_blocks_are_cleared_when_asked_for()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, 512);
        string id = _rig.Backup(device).Id;
        string file = _rig.Path("cleared.img");
        _rig.Restore(id, file);
        string target = _rig.Noise("target.img", 512, (long)kind.SizeMiB << 20);
        _rig.Restore(id, target, r => r with { ZeroUnused = true, VerifyTarget = true });
        Tool.Run("cmp", file, target);
        _rig.AssertHolds(kind, target, files);
        RestoreResult again = _rig.Restore(id, target, r => r with { SkipUnchanged = true });
        Assert.Equal(0, again.WrittenBytes);
        _rig.AssertHolds(kind, target, files);
    }

    [Fact]
    public void A_mounted_volume_is_taken_dynamically_and_said_to_be_fuzzy()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, 512);
        string point = _rig.Mount(kind, device);
        ImageBackupInfo image = _rig.Backup(point, type: ImageType.Dynamic);
        Assert.Equal((ImageType.Dynamic, true, device), (image.ImageType, image.IsFuzzy, image.Volume));
        Assert.Contains(image.Warnings, w => w.Contains("fuzzy", StringComparison.Ordinal));
        VolumeRig.Unmount(point);
        // Nobody wrote meanwhile, so this fuzzy image is good (but for the mounting itself, which the journal undoes).
        string target = _rig.Noise("target.img", 512, (long)kind.SizeMiB << 20);
        _rig.Restore(image.Id, target);
        Assert.Equal(files, Remounted(kind, target));
    }

    [Fact]
    public void While_a_static_image_is_taken_nobody_can_mount_the_volume()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        (string device, _) = _rig.Volume(kind, 512);
        using (_rig.Volumes.OpenRead(_rig.Volumes.Find(device), ImageBackup.Engine.Volumes.VolumeOpenMode.Exclusive))
        {
            Directory.CreateDirectory(_rig.Path("m"));
            Assert.NotEqual(0, Tool.TryRun("mount", device, _rig.Path("m")).Code);
            Assert.Equal(ErrorId.VolumeInUse, Assert.Throws<ImageBackupException>(() => _rig.Backup(device)).Id);
        }
        _rig.Backup(device);
    }

    [Fact]
    public void Refusals_leave_the_target_as_it_was()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        (string device, _) = _rig.Volume(kind, 512);
        string id = _rig.Backup(device).Id;
        long size = (long)kind.SizeMiB << 20;

        string smaller = _rig.Noise("smaller.img", 512, size - 512);
        AssertRefused(ErrorId.TargetTooSmall, id, smaller);

        string mounted = _rig.Noise("mounted.img", 512, size);
        Tool.Run("mkfs.ext4", "-q", "-F", mounted);
        string point = _rig.Mount(kind, mounted, isReadOnly: true);
        AssertRefused(ErrorId.TargetMounted, id, mounted);
        AssertRefused(ErrorId.TargetMounted, id, point, mounted);
        VolumeRig.Unmount(point);

        string bad = _rig.Noise("read-only.img", 512, size);
        // The mark outlives the loop device's file: the next user of the device would inherit it.
        _rig.Undo(() => Tool.TryRun("blockdev", "--setrw", bad));
        Tool.Run("blockdev", "--setro", bad);
        AssertRefused(ErrorId.TargetInvalid, id, bad);

        Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(() => _rig.Restore(id, "/dev/no-such-device")).Id);
        Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(() => _rig.Backup("/dev/no-such-device")).Id);
        Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(() => _rig.Backup(_rig.Path("no such file"))).Id);
    }

    [Fact]
    public void The_volume_that_holds_the_repository_is_no_target()
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        (string device, _) = _rig.Volume(kind, 512);
        string holder = _rig.Noise("holder.img", 512, 256 << 20);
        Tool.Run("mkfs.ext4", "-q", "-F", holder);
        string point = _rig.Mount(kind, holder);
        using ImageRepository repository = TestRepository.Create(Path.Combine(point, "repo"));
        _rig.Undo(repository.Dispose);
        string id = new BackupJob(repository, _rig.Volumes).Run(new BackupRequest { Volume = _rig.Volumes.Find(device) }, null, default).Id;
        Assert.Equal(ErrorId.TargetHoldsRepository, Assert.Throws<ImageBackupException>(() => new RestoreJob(repository, _rig.Volumes)
            .Run(new RestoreRequest { ImageId = id, Destination = holder }, null, default)).Id);
        TestRepository.AssertHealthy(repository);
        repository.Dispose();
        VolumeRig.Unmount(point);
        Tool.Run("e2fsck", "-fn", holder);
    }

    [Fact]
    public void A_target_that_is_swapped_for_a_smaller_one_is_refused_on_its_handle()
    {
        Tool.RequireRoot("losetup");
        _rig = new VolumeRig();
        string file = _rig.Path("v.img");
        File.WriteAllBytes(file, ImageBackup.Tests.Kits.SeededBytes.Make(1, 1 << 20));
        string id = _rig.Backup(file).Id;
        string target = _rig.Noise("t.img", 512, 1 << 20);
        using (FileStream stream = File.OpenWrite(_rig.Path("t.img")))
            stream.SetLength(512 << 10);
        // The kernel still believes in 1 MiB until it is told.
        Tool.Run("losetup", "-c", target);
        AssertRefused(ErrorId.TargetTooSmall, id, target);
    }

    private Dictionary<string, string> Remounted(FileSystemKind kind, string device)
    {
        string point = _rig!.Mount(kind, device);
        Dictionary<string, string> files = Directory.GetFiles(point, "*", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetRelativePath(point, f), f => BlobId.Of(File.ReadAllBytes(f)).ToString());
        VolumeRig.Unmount(point);
        return files;
    }

    private void AssertRefused(ErrorId expected, string id, string destination, string? device = null)
    {
        string before = VolumeRig.HashOf(device ?? destination);
        Assert.Equal(expected, Assert.Throws<ImageBackupException>(() => _rig!.Restore(id, destination)).Id);
        Assert.Equal(before, VolumeRig.HashOf(device ?? destination));
    }
}
