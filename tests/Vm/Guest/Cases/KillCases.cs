using System;
using System.Diagnostics;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

internal static class KillCases
{
    public static void Static(string phase)
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device, "nosuid,nodev,noatime,commit=17");
        string options = Options(point);
        using (Process child = Hold("Static", phase, device))
            Kill(child, "-KILL");
        Expect.True(Rig.IsReadOnly(point), "The child was killed before it had the volume quiesced.");
        using var rig = new Rig();
        ImageBackupInfo image = rig.Backup(device, ImageType.Static);
        Expect.True(rig.Told.Any(line => line.Contains("writable again", StringComparison.Ordinal)), "What was left is not named.");
        Expect.Equal(false, image.IsFuzzy, "Fuzzy");
        Expect.True(!Rig.IsReadOnly(point) && Rig.CanWrite(point), "The volume was not put back.");
        Expect.Equal(options, Options(point), "The mount's options");
        GuestDisk.Unmount(point);
    }

    public static void Terminated()
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device);
        string options = Options(point);
        using (Process child = Hold("Static", "copy", device))
        {
            Expect.True(Rig.IsReadOnly(point), "The volume is not quiesced.");
            Kill(child, "-TERM");
        }
        Expect.True(!Rig.IsReadOnly(point) && Rig.CanWrite(point), "The volume was not put back.");
        Expect.Equal(options, Options(point), "The mount's options");
        GuestDisk.Unmount(point);
    }

    public static void Snapshot(string phase)
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device);
        using (Process child = Hold("Snapshot", phase, device))
            Kill(child, "-KILL");
        string left = GuestDisk.Volumes().Single(IsOurs);
        using var rig = new Rig();
        // Whatever the next backup takes, it clears up first.
        rig.Backup(device, ImageType.Dynamic);
        Expect.True(rig.Told.Any(line => line.Contains(left, StringComparison.Ordinal) && line.Contains("killed run", StringComparison.Ordinal)), "What was left is not named.");
        Expect.True(!GuestDisk.Volumes().Contains(left), "The snapshot was not removed.");
        Expect.True(Rig.CanWrite(point), "The volume cannot be written to.");
        GuestDisk.Unmount(point);
    }

    /// <summary>A run that is told to end while it has a snapshot removes it itself; nothing is left for the next one.</summary>
    public static void SnapshotTerminated(string phase)
    {
        string device = GuestDisk.Make("origin", "ext4", 64);
        string point = GuestDisk.Mount(device);
        using (Process child = Hold("Snapshot", phase, device))
        {
            Expect.True(GuestDisk.Volumes().Any(IsOurs), "There is no snapshot.");
            Kill(child, "-TERM");
        }
        Expect.True(!GuestDisk.Volumes().Any(IsOurs), "The snapshot was not removed.");
        Expect.True(Rig.CanWrite(point), "The volume cannot be written to.");
        using var rig = new Rig();
        rig.Backup(device, ImageType.Dynamic);
        Expect.True(!rig.Told.Any(line => line.Contains("killed run", StringComparison.Ordinal)), "A record of the snapshot was left.");
        GuestDisk.Unmount(point);
    }

    private static bool IsOurs(string volume) => volume.StartsWith("imagebackup-", StringComparison.Ordinal);

    private static Process Hold(string type, string phase, string device)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (string argument in new[] { typeof(KillCases).Assembly.Location, "hold", type, phase, device })
            start.ArgumentList.Add(argument);
        Process child = Process.Start(start)!;
        while (child.StandardOutput.ReadLine() is { } line)
        {
            Program.Say("child: " + line);
            if (line == "REACHED")
                return child;
        }
        throw new InvalidOperationException($"The child ended with {child.ExitCode} before the phase '{phase}'.");
    }

    private static void Kill(Process child, string signal)
    {
        GuestDisk.Run("kill", signal, $"{child.Id}");
        child.WaitForExit();
    }

    private static string Options(string point) => GuestDisk.Run("findmnt", "-n", "-o", "VFS-OPTIONS,FS-OPTIONS", point);
}
