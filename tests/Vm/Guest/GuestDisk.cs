using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>The machine's disk: a volume group "vm", and volumes made for each case.</summary>
internal static class GuestDisk
{
    public const string Group = "vm";
    private static readonly List<string> s_mounts = [];

    public static void Prepare()
    {
        Run("pvcreate", "-q", "-y", "/dev/vda");
        Run("vgcreate", "-q", "-s", "1m", Group, "/dev/vda");
    }

    /// <summary>A logical volume with a file system ("none": without); removed first if a case before had it.</summary>
    public static string Make(string name, string fileSystem, int sizeMiB)
    {
        string device = $"/dev/{Group}/{name}";
        Remove(name);
        Run("lvcreate", "-q", "-y", "-Wn", "-n", name, "-L", $"{sizeMiB}m", Group);
        Format(device, fileSystem);
        return device;
    }

    public static void Format(string device, string fileSystem)
    {
        if (fileSystem == "none")
            return;
        if (fileSystem == "xfs")
            Run("mkfs.xfs", "-q", "-f", device);
        else
            Run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", device);
    }

    public static void Remove(string name)
    {
        if (Volumes().Contains(name))
            Run("lvremove", "-q", "-f", "-y", $"{Group}/{name}");
    }

    public static IReadOnlyList<string> Volumes() =>
        Run("lvs", "--noheadings", "-o", "lv_name", Group).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToList();

    public static string Mount(string device, string options = "rw")
    {
        string point = $"/tmp/mnt-{s_mounts.Count}-{Guid.NewGuid():N}";
        Directory.CreateDirectory(point);
        Run("mount", "-o", options, device, point);
        s_mounts.Add(point);
        return point;
    }

    public static void Unmount(string point)
    {
        Run("umount", point);
        s_mounts.Remove(point);
    }

    public static void UnmountAll()
    {
        foreach (string point in s_mounts.ToArray())
            TryRun("umount", "-l", point);
        s_mounts.Clear();
    }

    public static string Run(string program, params string[] arguments)
    {
        (int code, string output) = TryRun(program, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}: {output}");
    }

    public static (int Code, string Output) TryRun(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["LVM_SUPPRESS_FD_WARNINGS"] = "1";
        using Process process = Process.Start(start)!;
        System.Threading.Tasks.Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output.Trim() : (output + error.Result).Trim());
    }
}
