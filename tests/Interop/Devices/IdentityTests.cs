using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Verify;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>Real devices whose names go to other volumes, and real clones.</summary>
public sealed class IdentityTests : IDisposable
{
    private readonly Rig _rig = new();

    public void Dispose() => _rig.Dispose();

    private static VolumeInventory Inventory => new(VolumeSystem.Current);

    private string Ext4(string name, string label)
    {
        string file = _rig.File(name, 16 << 20);
        Tool.Run("mkfs.ext4", "-q", "-F", "-L", label, file);
        return file;
    }

    private static ImageBackupInfo Backup(ImageRepository repository, string device)
    {
        ImageVolume volume = Inventory.Resolve(device, CancellationToken.None);
        return new BackupJob(repository, VolumeSystem.Current).Run(
            new BackupRequest { Volume = volume.Description, Identity = volume.Identity }, null, CancellationToken.None);
    }

    private static List<string> Named(ImageRepository repository, string name) =>
    [
        .. new ImageCatalog(repository).List(new ImageFilter { Named = [new VolumeReference(name, Inventory.Resolve(name, CancellationToken.None))], IncludeInactive = true }, null, CancellationToken.None)
            .Select(image => image.Id),
    ];

    /// <summary>Seen before: the volume that got the name was overwritten, and expired the first one's images.</summary>
    [Fact]
    public void Loop_devices_that_swap_their_files()
    {
        Tool.RequireRoot("mkfs.ext4");
        ResticTool.Require();
        string labelA = "a" + Guid.NewGuid().ToString("N")[..10], labelB = "b" + Guid.NewGuid().ToString("N")[..10];
        string fileA = Ext4("a.img", labelA), fileB = Ext4("b.img", labelB);
        using ImageRepository repository = TestRepository.Create(_rig.Path("repo"));
        string first = _rig.Loop(fileA), second = _rig.Loop(fileB);
        ImageBackupInfo a = Backup(repository, first), b = Backup(repository, second);
        Assert.Equal((fileA, fileB), (a.VolumeId, b.VolumeId));
        Assert.Equal(first, OriginalVolume.Find(a, VolumeSystem.Current, CancellationToken.None).Name);

        Tool.Run("losetup", "-d", second);
        Tool.Run("losetup", "-d", first);
        Tool.Run("losetup", first, fileB);
        var e = Assert.Throws<ImageBackupException>(() => OriginalVolume.Find(a, VolumeSystem.Current, CancellationToken.None));
        Assert.Equal(ErrorId.VolumeIsAnother, e.Id);
        foreach (string word in new[] { labelA, labelB, a.Uuid!, b.Uuid!, "16 MiB", fileA, fileB })
            Assert.Contains(word, e.Message, StringComparison.Ordinal);
        // What has no images of its own does not get those of its name.
        Assert.Equal([b.Id], Named(repository, first));
        Assert.Equal([b.Id], Named(repository, "LABEL=" + labelB));

        Tool.Run("losetup", second, fileA);
        OriginalVolume home = OriginalVolume.Find(a, VolumeSystem.Current, CancellationToken.None);
        Assert.Equal(second, home.Name);
        Assert.Contains(second, Assert.Single(home.Warnings), StringComparison.Ordinal);
        ImageBackupInfo laterB = Backup(repository, first), laterA = Backup(repository, second);
        Assert.Equal((b.VolumeId, a.VolumeId), (laterB.VolumeId, laterA.VolumeId));
        // The parent is the volume's own image: nothing of it is new.
        Assert.Equal((0L, 0L), (laterA.NewChunkCount, laterB.NewChunkCount));
        Assert.Equal([a.Id, laterA.Id], Named(repository, "LABEL=" + labelA));
        Assert.Equal([a.Id, laterA.Id], Named(repository, second));
        Assert.All(Named(repository, second), id => Assert.Equal((true, a.VolumeId), (new VerifyJob(repository).Run(id, null, CancellationToken.None) is var proven && proven.IsWhole, proven.VolumeId)));

        // restic groups as we do: one of each volume stays, whatever it was called.
        ResticTool.Run(_rig.Path("repo"), "forget", "--keep-last", "1");
        Assert.Equal(new[] { laterA.Id, laterB.Id }.Order(), new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None).Select(image => image.Id).Order());
        using JsonDocument snapshots = JsonDocument.Parse(ResticTool.Run(_rig.Path("repo"), "snapshots", "--json"));
        Assert.Equal(new[] { fileA, fileB }.Order(), snapshots.RootElement.EnumerateArray().Select(snapshot => snapshot.GetProperty("paths")[0].GetString()!).Order());
    }

    [Fact]
    public void A_clone_of_a_partitioned_disk_is_named_with_its_original()
    {
        Tool.RequireRoot("mkfs.ext4", "sfdisk", "addpart", "delpart");
        string file = _rig.File("disk.img", 32 << 20), name = "pl" + Guid.NewGuid().ToString("N")[..10], label = "l" + name;
        Tool.Run("sh", "-c", $"printf 'label: gpt\\nstart=2048, size=40960, name={name}\\n' | sfdisk -q '{file}'");
        string disk = _rig.Loop(file, "-P");
        string part = File.Exists(disk + "p1") ? disk + "p1" : _rig.Partition(disk, 1, 2048, 40960);
        Tool.Run("mkfs.ext4", "-q", "-F", "-L", label, part);
        VolumeIdentity identity = Inventory.Resolve(part, CancellationToken.None).Identity;
        Assert.Equal([IdentityFactKind.GptPartition, IdentityFactKind.FileSystem, IdentityFactKind.Hardware], identity.Facts.Select(fact => fact.Kind));
        Assert.Equal(part, Inventory.Resolve("PARTLABEL=" + name, CancellationToken.None).Name);
        Assert.Equal(part, Inventory.Resolve("LABEL=" + label, CancellationToken.None).Name);
        Assert.Equal(IdentityFactKind.File, Inventory.Resolve(disk, CancellationToken.None).Identity.Facts[0].Kind);
        string point = _rig.Mount("mnt", part);
        Assert.Equal(part, Inventory.Resolve(point, CancellationToken.None).Name);
        using ImageRepository repository = TestRepository.Create(_rig.Path("repo"));
        ImageBackupInfo image = Backup(repository, part);

        Tool.Run("sync");
        File.Copy(file, _rig.Path("clone.img"));
        string cloneDisk = _rig.Loop(_rig.Path("clone.img"), "-P");
        string clone = File.Exists(cloneDisk + "p1") ? cloneDisk + "p1" : _rig.Partition(cloneDisk, 1, 2048, 40960);
        foreach (string ambiguous in new[] { "LABEL=" + label, "PARTLABEL=" + name, "UUID=" + image.Uuid, point, image.VolumeId })
        {
            var e = Assert.Throws<ImageBackupException>(() => Inventory.Resolve(ambiguous, CancellationToken.None));
            Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
            Assert.Contains($"'{part}'", e.Message, StringComparison.Ordinal);
            Assert.Contains($"'{clone}'", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(ErrorId.VolumeAmbiguous, Assert.Throws<ImageBackupException>(() => OriginalVolume.Find(image, VolumeSystem.Current, CancellationToken.None)).Id);
        Assert.Equal([part], Inventory.TwinsOf(Inventory.Resolve(clone, CancellationToken.None), CancellationToken.None).Select(twin => twin.Name));
    }

    [Fact]
    public void A_copied_btrfs_is_told_and_one_of_two_devices_is_none()
    {
        Tool.RequireRoot("mkfs.btrfs");
        string file = _rig.File("one.img", 160 << 20);
        Tool.Run("mkfs.btrfs", "-q", file);
        File.Copy(file, _rig.Path("copy.img"));
        string one = _rig.Loop(file), copy = _rig.Loop(_rig.Path("copy.img"));
        Assert.Equal([copy], Inventory.BtrfsDuplicatesOf(Inventory.Resolve(one, CancellationToken.None), CancellationToken.None).Select(other => other.Name));

        string left = _rig.Loop(_rig.File("left.img", 160 << 20)), right = _rig.Loop(_rig.File("right.img", 160 << 20));
        Tool.Run("mkfs.btrfs", "-q", "-d", "raid1", "-m", "raid1", left, right);
        ImageVolume member = Inventory.Resolve(left, CancellationToken.None);
        Assert.Equal(member.Uuid, Inventory.Resolve(right, CancellationToken.None).Uuid);
        Assert.Empty(Inventory.BtrfsDuplicatesOf(member, CancellationToken.None));
    }
}
