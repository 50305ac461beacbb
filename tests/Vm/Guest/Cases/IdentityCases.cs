using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>Disks that come up in another order: the kernel gives their names to one another.</summary>
internal static class IdentityCases
{
    private const string Driver = "/sys/bus/virtio/drivers/virtio_blk/";

    public static void Order()
    {
        string[] disks = ["vdb", "vdc"];
        foreach (string disk in disks)
        {
            File.WriteAllText("/tmp/table", "label: gpt\nstart=2048\n");
            GuestDisk.Run("sh", "-c", $"sfdisk -q /dev/{disk} < /tmp/table");
            Wait(() => File.Exists($"/dev/{disk}1"));
            GuestDisk.Run("mkfs.ext4", "-q", "-F", "-L", disk, $"/dev/{disk}1");
        }
        using var rig = new Rig();
        ImageBackupInfo one = rig.Backup("/dev/vdb1", ImageType.Static), two = rig.Backup("/dev/vdc1", ImageType.Static);
        Expect.True(one.VolumeId != two.VolumeId && one.VolumeId.StartsWith("/imagebackup-volume/gptPartition/", StringComparison.Ordinal), $"{one.VolumeId}, {two.VolumeId}");

        string[] devices = [.. disks.Select(disk => Path.GetFileName(new DirectoryInfo($"/sys/block/{disk}/device").ResolveLinkTarget(true)!.FullName))];
        foreach (string device in devices)
            File.WriteAllText(Driver + "unbind", device);
        Wait(() => !Directory.Exists("/sys/block/vdb") && !Directory.Exists("/sys/block/vdc"));

        // Only the second one is here yet, and has the first one's name.
        File.WriteAllText(Driver + "bind", devices[1]);
        Wait(() => File.Exists("/dev/vdb1"));
        Expect.True(Label("/dev/vdb1") == "vdc", "The kernel gave the disk another name than was meant.");
        try
        {
            OriginalVolume wrong = OriginalVolume.Find(one, VolumeSystem.Current, CancellationToken.None);
            throw new InvalidOperationException($"The image of vdb1 would go to {wrong.Name}, which is the other disk's.");
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.VolumeIsAnother)
        {
            Expect.True(e.Message.Contains(one.Uuid!, StringComparison.Ordinal) && e.Message.Contains(two.Uuid!, StringComparison.Ordinal), e.Message);
        }

        File.WriteAllText(Driver + "bind", devices[0]);
        Wait(() => File.Exists("/dev/vdc1"));
        Expect.True(OriginalVolume.Find(one, VolumeSystem.Current, CancellationToken.None).Name == "/dev/vdc1", "The first volume is not found.");
        Expect.True(OriginalVolume.Find(two, VolumeSystem.Current, CancellationToken.None).Name == "/dev/vdb1", "The second volume is not found.");
        ImageBackupInfo later = rig.Backup("/dev/vdb1", ImageType.Static);
        Expect.True(later.VolumeId == two.VolumeId, "The second volume's image was filed with the first one's.");
        Expect.True(later.NewChunkCount == 0, $"{later.NewChunkCount} chunks are new: the parent was not the volume's own image.");
        IReadOnlyList<ImageBackupInfo> active = new ImageCatalog(rig.Repository).List(new ImageFilter(), null, CancellationToken.None);
        Expect.True(active.Any(image => image.Id == one.Id) && active.Any(image => image.Id == later.Id) && active.All(image => image.Id != two.Id), "Versions of two volumes were mixed.");
    }

    private static string? Label(string device) => new VolumeInventory(VolumeSystem.Current).Resolve(device, CancellationToken.None).Label;

    private static void Wait(Func<bool> condition)
    {
        for (int i = 0; !condition(); i++)
        {
            if (i == 600)
                throw new TimeoutException("The kernel did not do it within a minute.");
            Thread.Sleep(100);
        }
    }
}
