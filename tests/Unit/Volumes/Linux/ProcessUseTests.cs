using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.InUse;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

/// <summary>Who keeps a file system busy, told from a modelled /proc.</summary>
public sealed class ProcessUseTests : IDisposable
{
    private const string Mounts = "40 27 8:17 / /data rw - ext4 /dev/sdb1 rw\n27 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    private readonly TemporaryDirectory _directory = new();

    public ProcessUseTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Symbolic links stand for /proc's.");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Writers_deleted_files_and_shared_mappings_are_named_and_readers_are_not()
    {
        Process(10, "writer", "4026531840", Mounts, ("3", 40, "0100001", "/data/log"), ("4", 40, "0100002", "/data/other"));
        Process(11, "reader", "4026531840", Mounts, ("3", 40, "0100000", "/data/read"));
        Process(12, "elsewhere", "4026531840", Mounts, ("3", 27, "0100001", "/tmp/x"));
        Process(13, "deleted", "4026531840", Mounts, ("5", 40, "0100000", "/data/gone (deleted)"));
        string mapped = Process(14, "mapper", "4026531840", Mounts);
        File.WriteAllText(Path.Combine(mapped, "maps"),
            "7f00-7f10 rw-p 00000000 08:11 5 /data/private\n7f10-7f20 r--s 00000000 08:11 5 /data/readonly\n7f20-7f30 rw-s 00000000 08:11 5 /data/with blank\n");
        // In a container the same file system is another mount.
        Process(15, "contained", "4026539999", "900 1 8:17 / /inside rw - ext4 /dev/sdb1 rw\n", ("3", 900, "0100001", "/inside/log"));
        Process(16, "stranger", "4026539998", "40 1 8:99 / /data rw - ext4 /dev/sdz rw\n", ("3", 40, "0100001", "/data/log"));
        Directory.CreateDirectory(_directory["99"]);
        File.WriteAllText(_directory["self"], "");
        Assert.Equal(
            ["writer (10: /data/log)", "deleted (13: /data/gone (deleted))", "mapper (14: /data/with blank)", "contained (15: /inside/log)"],
            ProcessUse.Writers(new LinuxRoots { Proc = _directory[""].TrimEnd('/') }, new DeviceNumber(8, 17)).Select(user => user.ToString()).Order(StringComparer.Ordinal)
                .OrderBy(text => text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..]));
    }

    [Theory]
    [InlineData("rw,nosuid,relatime", "rw,data=ordered", Libc.MS_NOSUID, false, false)]
    [InlineData("ro,nodev,noexec", "ro", Libc.MS_NODEV | Libc.MS_NOEXEC, true, true)]
    [InlineData("ro", "rw,sync,lazytime,nosync", Libc.MS_SYNCHRONOUS | Libc.MS_LAZYTIME, false, true)]
    [InlineData("", "", 0ul, false, false)]
    public void Flags_are_read_from_the_options(string mount, string super, ulong flags, bool isSuperReadOnly, bool isMountReadOnly)
    {
        var entry = new MountEntry(1, new DeviceNumber(8, 1), "/", "/x", "ext4", "/dev/x", super, mount);
        Assert.Equal((flags, isSuperReadOnly, isMountReadOnly), (MountFlags.Of(entry), MountFlags.IsSuperReadOnly(entry), MountFlags.IsMountReadOnly(entry)));
    }

    private string Process(int id, string name, string space, string mounts, params (string Number, long Mount, string Flags, string Path)[] files)
    {
        string process = Directory.CreateDirectory(_directory[$"{id}"]).FullName;
        foreach (string part in new[] { "fd", "fdinfo", "ns" })
            Directory.CreateDirectory(Path.Combine(process, part));
        File.CreateSymbolicLink(Path.Combine(process, "ns", "mnt"), $"mnt:[{space}]");
        File.WriteAllText(Path.Combine(process, "comm"), name + "\n");
        File.WriteAllText(Path.Combine(process, "mountinfo"), mounts);
        foreach ((string number, long mount, string flags, string path) in files)
        {
            File.CreateSymbolicLink(Path.Combine(process, "fd", number), path);
            File.WriteAllText(Path.Combine(process, "fdinfo", number), $"pos:\t0\nflags:\t{flags}\nmnt_id:\t{mount}\nino:\t5\n");
        }
        return process;
    }
}
