using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>A whole disk, restored: a kernel that reads partition tables knows the new one and forgets the old.</summary>
internal static class PartitionTableCases
{
    public static void Reread()
    {
        Partition("vdb", "label: gpt\nstart=2048, size=2048\nstart=6144, size=4096\n");
        Partition("vdc", "label: dos\nstart=4096, size=2048\n");
        Wait(() => File.Exists("/dev/vdb2") && File.Exists("/dev/vdc1"));
        Wait(() => SizeOf("vdc1") == "2048");
        using var rig = new Rig();
        ImageBackupInfo image = rig.Backup("/dev/vdb", ImageType.Static);
        RestoreResult result = new RestoreJob(rig.Repository, VolumeSystem.Current).Run(
            new RestoreRequest { ImageId = image.Id, Destination = "/dev/vdc", Force = true }, null, CancellationToken.None);
        Expect.True(result.Warnings.Count == 0, string.Join(" ", result.Warnings));
        // At once: nobody else told the kernel.
        Expect.True(SizeOf("vdc2") == "4096" && SizeOf("vdc1") == "2048", $"The kernel knows vdc1 of {SizeOf("vdc1")} and vdc2 of {SizeOf("vdc2")} sectors.");
        Expect.True(File.ReadAllText("/sys/block/vdc/vdc1/start").Trim() == "2048", "The kernel still has the old partition.");
    }

    private static void Partition(string disk, string table)
    {
        File.WriteAllText("/tmp/table", table);
        GuestDisk.Run("sh", "-c", $"sfdisk -q --wipe always /dev/{disk} < /tmp/table");
    }

    private static string SizeOf(string partition)
    {
        string file = $"/sys/class/block/{partition}/size";
        return File.Exists(file) ? File.ReadAllText(file).Trim() : "none";
    }

    private static void Wait(Func<bool> isDone)
    {
        var clock = Stopwatch.StartNew();
        while (!isDone())
        {
            Expect.True(clock.Elapsed < TimeSpan.FromSeconds(60), "The partitions did not appear.");
            Thread.Sleep(50);
        }
    }
}
