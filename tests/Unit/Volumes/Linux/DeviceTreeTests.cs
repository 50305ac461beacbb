using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

/// <summary>Stacks that this machine cannot build (device mapper, md, multipath), as /sys would show them.</summary>
public class DeviceTreeTests
{
    private static SysDevice Device(string name, uint major, uint minor, string? disk = null, string[]? slaves = null, string[]? holders = null,
        string? mapper = null, string? backing = null) => new()
        {
            KernelName = name,
            Number = new DeviceNumber(major, minor),
            SizeBytes = 1 << 30,
            NodePath = "/dev/" + name,
            Disk = disk,
            Slaves = slaves ?? [],
            Holders = holders ?? [],
            MapperName = mapper,
            BackingFile = backing,
        };

    private static MountEntry Mount(long id, uint major, uint minor, string point, string type = "ext4", string source = "none", string options = "rw") =>
        new(id, new DeviceNumber(major, minor), "/", point, type, source, options);

    // sda1 = /boot/efi; md0 (sdb1 + sdc1) = PV of vg-root (/), vg-swap, vg-home (/home); sdd btrfs with sde; loop0 on a file in /home.
    private static readonly SysDevice[] s_devices =
    [
        Device("sda", 8, 0),
        Device("sda1", 8, 1, "sda"),
        Device("sda2", 8, 2, "sda"),
        Device("sdb", 8, 16),
        Device("sdb1", 8, 17, "sdb", holders: ["md0"]),
        Device("sdc", 8, 32),
        Device("sdc1", 8, 33, "sdc", holders: ["md0"]),
        Device("md0", 9, 0, slaves: ["sdb1", "sdc1"], holders: ["dm-0", "dm-1", "dm-2"]),
        Device("dm-0", 254, 0, slaves: ["md0"], mapper: "vg-root"),
        Device("dm-1", 254, 1, slaves: ["md0"], mapper: "vg-swap"),
        Device("dm-2", 254, 2, slaves: ["md0"], mapper: "vg-my home"),
        Device("sdd", 8, 48),
        Device("sde", 8, 64),
        Device("sdf", 8, 80),
        Device("loop0", 7, 0, backing: "/home/image"),
        Device("loop1", 7, 1, backing: "/dev/sdf"),
    ];

    private static readonly MountEntry[] s_mounts =
    [
        Mount(1, 254, 0, "/"),
        Mount(2, 8, 1, "/boot/efi", "vfat"),
        Mount(3, 254, 2, "/home"),
        Mount(4, 0, 50, "/data", "btrfs", "/dev/sdd"),
        Mount(5, 7, 0, "/mnt"),
        Mount(6, 0, 60, "/merged", "overlay", "overlay", "rw,lowerdir=/data/low:/usr/low,upperdir=/home/up,workdir=/home/work"),
        Mount(7, 0, 61, "/net", "nfs4", "server:/export"),
        Mount(8, 0, 62, "/home/over", "tmpfs", "tmpfs"),
        Mount(9, 8, 2, "/home/over"),
    ];

    private static DeviceTree Tree(string[]? swaps = null, IEnumerable<SysDevice>? devices = null, MountEntry[]? mounts = null) => new(
        [.. devices ?? s_devices], mounts ?? s_mounts, swaps ?? ["/dev/dm-1"], [["sdd", "sde"]],
        path => Locate(path, mounts ?? s_mounts));

    /// <summary>As statx would answer, without mount numbers: an older kernel.</summary>
    private static PathLocation Locate(string path, MountEntry[] mounts)
    {
        MountEntry mount = mounts.Last(entry => entry.MountPoint == mounts
            .Where(other => LinuxPath.IsInside(path, other.MountPoint)).MaxBy(other => other.MountPoint.Length)!.MountPoint);
        SysDevice? node = s_devices.FirstOrDefault(device => device.NodePath == path);
        return new PathLocation(path, mount.Device, null, node?.Number);
    }

    [Theory]
    [InlineData("/home/user/repo", "/dev/mapper/vg-my\\x20home", "/dev/md0", "/dev/sdb1", "/dev/sdb", "/dev/sdc1", "/dev/sdc")]
    [InlineData("/boot/efi/EFI", "/dev/sda1", "/dev/sda")]
    [InlineData("/mnt/x", "/dev/loop0", "/home/image", "/dev/mapper/vg-my\\x20home", "/dev/md0", "/dev/sdb1", "/dev/sdb", "/dev/sdc1", "/dev/sdc")]
    [InlineData("/data/x", "/dev/sdd", "/dev/sde")]
    [InlineData("/home/over/x", "/dev/sda2", "/dev/sda")]
    [InlineData("/net/x")]
    public void A_path_lies_on_the_whole_stack(string path, params string[] names) => Assert.Equal(names, Tree().NamesUnder(path));

    [Fact]
    public void An_overlay_lies_on_what_all_its_directories_lie_on()
    {
        var under = Tree().NamesUnder("/merged/x");
        Assert.Superset(new HashSet<string> { "/dev/sdd", "/dev/sde", "/dev/mapper/vg-root", "/dev/mapper/vg-my\\x20home", "/dev/md0" }, under.ToHashSet());
        Assert.Equal(under.Distinct(), under);
    }

    [Fact]
    public void The_system_is_root_boot_and_swap_and_all_below_and_nothing_else()
    {
        DeviceTree tree = Tree();
        Assert.Equal(["dm-0", "dm-1", "md0", "sda", "sda1", "sdb", "sdb1", "sdc", "sdc1"],
            tree.SystemDevices.Select(device => device.KernelName).Order(StringComparer.Ordinal));
        // A swap file makes the devices below it the system's.
        Assert.Contains("dm-2", Tree(swaps: ["/home/swapfile"]).SystemDevices.Select(device => device.KernelName));
    }

    [Fact]
    public void Uses_are_found_on_the_device_its_partitions_and_its_disk()
    {
        DeviceTree tree = Tree();
        DeviceUse disk = tree.UseOf(tree.ByName("sda")!);
        Assert.True(disk.IsSystem);
        Assert.Equal(["/boot/efi (/dev/sda1)", "/home/over (/dev/sda2)"], disk.Mounts);
        Assert.Equal(["md0 on /dev/sdb1".Replace("md0", "/dev/md0", StringComparison.Ordinal)], tree.UseOf(tree.ByName("sdb")!).Holders);
        Assert.Equal(["/dev/mapper/vg-root", "/dev/mapper/vg-swap", "/dev/mapper/vg-my\\x20home"], tree.UseOf(tree.ByName("md0")!).Holders);
        Assert.Equal(["swap"], tree.UseOf(tree.ByName("vg-swap")!).Holders);
        Assert.Equal(["/dev/loop1"], tree.UseOf(tree.ByName("/dev/sdf")!).Holders);
        Assert.Equal(["/data"], tree.UseOf(tree.ByName("sde")!).Mounts);
        DeviceUse free = Tree(mounts: [s_mounts[0]]).UseOf(tree.ByName("sda2")!);
        Assert.Equal((false, 0, 0), (free.IsSystem, free.Mounts.Count, free.Holders.Count));
    }

    [Fact]
    public void What_lies_above_comes_topmost_first()
    {
        DeviceTree tree = Tree();
        Assert.Equal(["dm-0", "dm-1", "dm-2", "md0", "sdb1"], tree.Above(tree.ByName("sdb")!).Select(device => device.KernelName));
        Assert.Equal(["loop1"], tree.Above(tree.ByName("sdf")!).Select(device => device.KernelName));
        Assert.Empty(tree.Above(tree.ByName("dm-0")!));
    }

    [Fact]
    public void A_circle_ends()
    {
        SysDevice[] circle = [Device("loop0", 7, 0, slaves: ["loop1"], backing: "/mnt/file"), Device("loop1", 7, 1, slaves: ["loop0"])];
        MountEntry[] mounts = [Mount(1, 7, 0, "/"), Mount(2, 7, 0, "/mnt")];
        Assert.Equal(["/dev/loop0", "/dev/loop1", "/mnt/file"], Tree([], circle, mounts).NamesUnder("/mnt/x"));
    }

    [Fact]
    public void A_mount_number_goes_before_the_path()
    {
        DeviceTree tree = Tree();
        Assert.Equal("tmpfs", tree.MountAt(new PathLocation("/home/over/x", new DeviceNumber(0, 62), 8, null))!.FileSystem);
        Assert.Equal("ext4", tree.MountAt(new PathLocation("/home/over/x", new DeviceNumber(0, 62), null, null))!.FileSystem);
        Assert.Equal("/", tree.MountAt(new PathLocation("/homeover", new DeviceNumber(0, 99), 77, null))!.MountPoint);
    }

    /// <summary>fusermount lets any user choose what his mount calls its source, and whether it is read-only.</summary>
    [Theory]
    [InlineData("fuse", "ro,user_id=1000,group_id=1000", false)]
    [InlineData("fuse.btrfs", "rw,user_id=1000,group_id=0", false)]
    [InlineData("fuse.ext2", "rw,user_id=0,group_id=0", true)]
    [InlineData("fuseblk", "rw,user_id=0,group_id=0", true)]
    [InlineData("btrfs", "rw,subvol=/", true)]
    [InlineData("bcachefs", "rw", true)]
    [InlineData("tmpfs", "rw", false)]
    [InlineData("overlay", "rw,lowerdir=/a", false)]
    [InlineData("virtiofs", "rw", false)]
    [InlineData("9p", "rw", false)]
    public void What_a_mount_calls_its_source_counts_only_if_root_alone_could_say_it(string type, string options, bool counts)
    {
        MountEntry claimed = Mount(20, 0, 77, "/home/user/m", type, "/dev/sda2", options);
        DeviceTree tree = Tree(mounts: [s_mounts[0], claimed]);
        Assert.Equal(counts ? ["sda2"] : [], tree.DevicesOf(claimed).Select(device => device.KernelName));
        Assert.Equal(counts ? ["/home/user/m"] : [], tree.MountsOf(tree.ByName("sda2")!).Select(mount => mount.MountPoint));
        // The number decides wherever there is one, whatever the text says.
        MountEntry numbered = Mount(21, 8, 64, "/media/x", type, "/dev/sda2", options);
        Assert.Equal(["sde"], Tree(mounts: [s_mounts[0], numbered]).DevicesOf(numbered).Select(device => device.KernelName));
    }

    [Theory]
    [InlineData("ram0", 1u, false)]
    [InlineData("fd0", 2u, false)]
    [InlineData("zram0", 253u, false)]
    [InlineData("sda", 8u, true)]
    [InlineData("nvme0n1p1", 259u, true)]
    [InlineData("vda", 254u, true)]
    public void Memory_and_diskettes_are_not_listed(string name, uint major, bool isListed)
    {
        Assert.Equal(isListed, Device(name, major, 0).IsListed);
        Assert.False((Device(name, major, 0) with { SizeBytes = 0 }).IsListed);
        Assert.False((Device(name, major, 0) with { IsHidden = true }).IsListed);
    }
}
