using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Run;

/// <summary>The real tools that the tests compare with, by what Debian calls them.</summary>
internal static class Peers
{
    private static readonly (string Tool, string Package)[] s_tools =
    [
        ("restic", "restic"), ("rclone", "rclone"), ("partclone.ext4", "partclone"), ("zstd", "zstd"), ("losetup", "mount"), ("mkfs.ext4", "e2fsprogs"),
        ("mkfs.xfs", "xfsprogs"), ("mkfs.btrfs", "btrfs-progs"), ("mkfs.ntfs", "ntfs-3g"), ("mkfs.fat", "dosfstools"),
        ("mkfs.exfat", "exfatprogs"), ("mount.exfat-fuse", "exfat-fuse"), ("mcopy", "mtools"), ("mkfs.f2fs", "f2fs-tools"),
        ("cryptsetup", "cryptsetup-bin"), ("setpriv", "util-linux"), ("strace", "strace"), ("sfdisk", "fdisk"), ("jq", "jq"),
        ("qemu-system-x86_64", "qemu-system-x86"), ("lvs", "lvm2"), ("thin_check", "thin-provisioning-tools"),
        ("ceph-mon", "ceph-mon"), ("ceph-osd", "ceph-osd"), ("radosgw", "radosgw"), ("ceph", "ceph-common"),
        ("node", "nodejs"), ("npm", "npm"),
        ("ssh", "openssh-client"), ("/usr/sbin/sshd", SshServer), (Wine, "wine64"), ("x86_64-w64-mingw32-g++", "g++-mingw-w64-x86-64-win32"), ("/usr/lib/mono/4.5/Facades/netstandard.dll", "mono-devel"),
    ];

    private const string Wine = "/usr/lib/wine/wine64";

    /// <summary>A package that opens a port once it is installed, if systemd runs.</summary>
    private const string SshServer = "openssh-server";

    public static bool HasWine => File.Exists(Wine);

    /// <summary>Installs what is missing, if this is Debian and we are root; elsewhere the tests say what they skip.</summary>
    public static void Install()
    {
        string[] missing = s_tools.Where(t => !Exists(t.Tool)).Select(t => t.Package).Distinct()
            // The tests start a server of their own; nobody's machine is to get one that the network can reach.
            .Where(p => p != SshServer || !Directory.Exists("/run/systemd/system")).ToArray();
        if (missing.Length == 0)
            return;
        if (!File.Exists("/usr/bin/apt-get") || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine($"Not installed, because this is not Debian or not root: {string.Join(", ", missing)}. The tests that need them are skipped.");
            return;
        }
        Console.WriteLine($"Installing {string.Join(", ", missing)} ...");
        Environment.SetEnvironmentVariable("DEBIAN_FRONTEND", "noninteractive");
        _ = Dotnet.Start("apt-get", "/", "update", "-qq");
        foreach (string package in missing)
        {
            if (Dotnet.Start("apt-get", "/", "install", "-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", package) != 0)
                Console.WriteLine($"{package} could not be installed; the tests that need it are skipped.");
        }
    }

    private static bool Exists(string tool)
    {
        IEnumerable<string> directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(["/usr/sbin", "/sbin"]);
        return directories.Any(d => File.Exists(Path.Combine(d, tool)));
    }
}
