using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

internal static class StaticCases
{
    /// <summary>A file system straight on a disk's loop device: no LVM, so a snapshot falls over to static, and the volume comes back writable.</summary>
    public static void Failover()
    {
        string file = "/tmp/plain.img";
        using (FileStream stream = File.Create(file))
            stream.SetLength(64 << 20);
        string device = GuestDisk.Run("losetup", "--find", "--show", file);
        try
        {
            GuestDisk.Format(device, "ext4");
            string point = GuestDisk.Mount(device);
            using var rig = new Rig();
            ImageBackupInfo image = rig.Backup(device, ImageType.Snapshot);
            Expect.Equal(ImageType.Static, image.ImageType!.Value, "The type");
            Expect.True(image.IsFailedOver && image.Warnings.Any(w => w.Contains("Cannot take a snapshot of", StringComparison.Ordinal)), "The failover is not told.");
            Expect.True(Rig.CanWrite(point), "The volume was not put back.");
            ImageBackupException e = Expect.Throws<ImageBackupException>(() => rig.Backup(device, ImageType.Snapshot, Rig.Quick(1) with { NoFailover = true }));
            Expect.Equal(ErrorId.SnapshotUnavailable, e.Id, "The error");
            GuestDisk.Unmount(point);
        }
        finally
        {
            GuestDisk.TryRun("losetup", "-d", device);
        }
    }

    public static void Busy()
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device);
        using var rig = new Rig();
        int before = rig.ImageCount;
        using (new FileStream(Path.Combine(point, "open"), FileMode.Create, FileAccess.Write))
        {
            ImageBackupException e = Expect.Throws<ImageBackupException>(() => rig.Backup(device, ImageType.Static, Rig.Quick(attempts: 3)));
            Expect.Equal(ErrorId.VolumeInUse, e.Id, "The error");
            Expect.True(e.Message.Contains($"({Environment.ProcessId}: {point}/open)", StringComparison.Ordinal), "The holder is not named: " + e.Message);
            Expect.Equal(2, rig.Told.Count(line => line.Contains("trying again", StringComparison.Ordinal)), "The waits");
        }
        Expect.Equal(before, rig.ImageCount, "The number of images");
        Expect.True(Rig.CanWrite(point), "The volume cannot be written to.");
        GuestDisk.Unmount(point);
    }

    public static void ThirdWait()
    {
        string device = GuestDisk.Make("origin", "xfs", 304);
        string point = GuestDisk.Mount(device);
        using var rig = new Rig();
        var writer = new RecordWriter(point);
        try
        {
            writer.WaitFor(3);
            int waits = 0;
            rig.OnTold = line =>
            {
                if (line.Contains("trying again", StringComparison.Ordinal) && ++waits == 3)
                    writer.Dispose();
            };
            ImageBackupInfo image = rig.Backup(device, ImageType.Static, Rig.Quick(attempts: 5));
            Expect.Equal((3, ImageType.Static, false), (waits, image.ImageType!.Value, image.IsFuzzy), "Waits, type, fuzzy");
            Expect.True(Rig.CanWrite(point), "The volume was not put back.");
            string file = rig.RestoreToFile(image.Id);
            string copy = GuestDisk.Mount(file, "loop,ro,nouuid,norecovery");
            Expect.Equal(writer.Written, RecordWriter.Check(copy), "The records");
            GuestDisk.Unmount(copy);
            GuestDisk.Run("xfs_repair", "-n", "-f", file);
            File.Delete(file);
        }
        finally
        {
            writer.Dispose();
        }
        GuestDisk.Unmount(point);
    }
}
