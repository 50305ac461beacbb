using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Tests.Vm.Guest;

internal static class SnapshotCases
{
    /// <summary>
    /// While a writer appends, a snapshot is imaged; the image equals the snapshot byte for byte, its file system is clean, and
    /// of its records none is torn but the last.
    /// </summary>
    public static void Equal(string fileSystem)
    {
        string device = GuestDisk.Make("origin", fileSystem, fileSystem == "xfs" ? 304 : 64);
        string point = GuestDisk.Mount(device);
        using var rig = new Rig();
        using (var writer = new RecordWriter(point))
        {
            writer.WaitFor(10);
            VolumeDescription volume = Rig.Volumes.Find(device);
            ISnapshotProvider provider = SnapshotProviders.Current.Get("LINUX_LVM");
            string file;
            using (ISnapshotSet set = provider.Create([volume], new SnapshotOptions { CacheSizePercent = 50 }, Program.Say, CancellationToken.None))
            {
                long atSnapshot = writer.Written;
                ImageBackupInfo image = rig.Backup(device, null, taken: new TakenSnapshot(set, set.Snapshots[0]));
                Expect.Equal((ImageType.Snapshot, false, "LINUX_LVM"), (image.ImageType!.Value, image.IsFuzzy, image.SnapshotProvider!), "The image's type");
                writer.WaitFor(5);
                file = rig.RestoreToFile(image.Id);
                using IBlockReader frozen = set.Snapshots[0].OpenRead();
                ExpectSame(frozen, file);
                SnapshotState state = set.Snapshots[0].QueryState();
                Expect.True(state is { IsValid: true, CacheUsedBytes: > 0, CacheBytes: > 0 }, "The snapshot's room is not watched: " + state);
                long records = CheckCopy(file, fileSystem);
                Expect.True(records > 0 && records <= atSnapshot, $"The copy holds {records} records; when the snapshot was there {atSnapshot} were written.");
            }
            Expect.True(!GuestDisk.Volumes().Any(name => name.StartsWith("imagebackup-", StringComparison.Ordinal)), "The snapshot was not removed.");

            // And by the job alone, as a user has it; what is used and what is not is the snapshot's own affair.
            ImageBackupInfo whole = rig.Backup(device, ImageType.Snapshot);
            Expect.True(whole.SnapshotTime is not null && whole.FailoverReason is null && whole.SnapshotCacheUsedBytes is not null, "The image does not record its snapshot.");
            string again = rig.RestoreToFile(whole.Id);
            CheckCopy(again, fileSystem);
            Expect.True(writer.Failure is null, "The writer failed: " + writer.Failure);
            File.Delete(file);
            File.Delete(again);
        }
        Expect.True(!GuestDisk.Volumes().Any(name => name.StartsWith("imagebackup-", StringComparison.Ordinal)), "The job's snapshot was not removed.");
        GuestDisk.Unmount(point);
    }

    /// <summary>More changes than there is room for: an error, no image, no snapshot left.</summary>
    public static void Overflow()
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device);
        using var rig = new Rig();
        int before = rig.ImageCount;
        rig.OnTold = line =>
        {
            if (!line.Contains("read from the snapshot", StringComparison.Ordinal))
                return;
            byte[] noise = new byte[24 << 20];
            new Random(1).NextBytes(noise);
            using FileStream file = File.Create(Path.Combine(point, "noise"));
            file.Write(noise);
            file.Flush(flushToDisk: true);
        };
        ImageBackupException e = Expect.Throws<ImageBackupException>(() => rig.Backup(device, ImageType.Snapshot,
            Rig.Quick(1) with { Snapshot = new SnapshotOptions { CacheSizePercent = 4 } }));
        Expect.Equal(ErrorId.SnapshotInvalid, e.Id, "The error");
        Expect.Equal(before, rig.ImageCount, "The number of images");
        Expect.True(!GuestDisk.Volumes().Any(name => name.StartsWith("imagebackup-", StringComparison.Ordinal)), "The snapshot was not removed.");
        Expect.True(Rig.CanWrite(point), "The volume cannot be written to.");
        GuestDisk.Unmount(point);
    }

    /// <summary>A thin volume's snapshot has no room of its own.</summary>
    public static void Thin()
    {
        GuestDisk.Remove("thin");
        GuestDisk.Remove("pool");
        (int code, string output) = GuestDisk.TryRun("lvcreate", "-q", "-y", "-L", "300m", "-T", "vm/pool");
        if (code != 0)
            throw new CaseSkipped("no thin pool could be made: " + output);
        GuestDisk.Run("lvcreate", "-q", "-y", "-V", "128m", "-T", "vm/pool", "-n", "thin");
        string device = "/dev/vm/thin";
        GuestDisk.Format(device, "ext4");
        string point = GuestDisk.Mount(device);
        using var rig = new Rig();
        using (var writer = new RecordWriter(point))
        {
            writer.WaitFor(5);
            ImageBackupInfo image = rig.Backup(device, ImageType.Snapshot);
            Expect.Equal(((string?)"LINUX_LVM", (long?)null), (image.SnapshotProvider, image.SnapshotCacheBytes), "The image's provider and room");
            string file = rig.RestoreToFile(image.Id);
            CheckCopy(file, "ext4");
            File.Delete(file);
        }
        GuestDisk.Unmount(point);
        GuestDisk.Remove("thin");
        GuestDisk.Remove("pool");
    }

    private static void ExpectSame(IBlockReader frozen, string file)
    {
        using FileStream copy = File.OpenRead(file);
        Expect.Equal(frozen.LengthBytes, copy.Length, "The length");
        byte[] one = new byte[1 << 20], other = new byte[1 << 20];
        for (long offset = 0; offset < frozen.LengthBytes; offset += one.Length)
        {
            int count = frozen.ReadAt(offset, one);
            copy.ReadExactly(other, 0, count);
            Expect.True(one.AsSpan(0, count).SequenceEqual(other.AsSpan(0, count)), $"The image differs from the snapshot in the MiB at {offset}.");
        }
    }

    private static long CheckCopy(string file, string fileSystem)
    {
        if (fileSystem == "ext4")
            GuestDisk.Run("e2fsck", "-fn", file);
        // XFS leaves a log to be recovered when it is frozen: mounting does that, as after a restore.
        string point = GuestDisk.Mount(file, fileSystem == "xfs" ? "loop,nouuid" : "loop,ro");
        long records = RecordWriter.Check(point);
        GuestDisk.Unmount(point);
        if (fileSystem == "xfs")
            GuestDisk.Run("xfs_repair", "-n", "-f", file);
        return records;
    }
}
