using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public sealed class SysBlockTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("imagebackup-sys-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Put(string path, string content)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }

    private DeviceTree Read() => DeviceTree.Read(new LinuxRoots { Sys = _root, Proc = Path.Combine(_root, "proc"), Run = _root });

    [Fact]
    public void Disks_partitions_and_stacked_devices_are_read()
    {
        Put("block/nvme0n1/dev", "259:0\n");
        Put("block/nvme0n1/size", "2000409264\n");
        Put("block/nvme0n1/queue/logical_block_size", "4096\n");
        Put("block/nvme0n1/queue/physical_block_size", "8192\n");
        Put("block/nvme0n1/removable", "1\n");
        Put("block/nvme0n1/nvme0n1p2/dev", "259:2\n");
        Put("block/nvme0n1/nvme0n1p2/partition", "2\n");
        Put("block/nvme0n1/nvme0n1p2/start", "2048\n");
        Put("block/nvme0n1/nvme0n1p2/size", "4100\n");
        Put("block/nvme0n1/nvme0n1p2/ro", "1\n");
        Put("block/nvme0n1/nvme0n1p2/uevent", "MAJOR=259\nDEVNAME=nvme0n1p2\nPARTUUID=ABCD-01\n");
        Put("block/nvme0n1/nvme0n1p2/holders/dm-3/x", "");
        Put("block/dm-3/dev", "254:3\n");
        Put("block/dm-3/size", "8\n");
        Put("block/dm-3/dm/name", "vg-a b\n");
        Put("block/dm-3/slaves/nvme0n1p2/x", "");
        Put("block/cciss!c0d0/dev", "104:0\n");
        Put("block/loop9/dev", "7:9\n");
        Put("block/loop9/loop/backing_file", "/gone/file (deleted)\n");
        Put("proc/self/mountinfo", "30 1 254:3 / /srv rw - xfs /dev/mapper/vg-a rw\n");
        Put("proc/swaps", "Filename Type\n/dev/nvme0n1p2 partition 1 0 -2\n");
        DeviceTree tree = Read();

        Assert.Equal(["cciss!c0d0", "dm-3", "loop9", "nvme0n1", "nvme0n1p2"], tree.Devices.Select(device => device.KernelName));
        SysDevice part = tree.ByKernelName("nvme0n1p2")!;
        // 4100 units of 512 bytes are 512 sectors of 4096 and a rest that nobody can reach.
        Assert.Equal((512 * 4096, 4096, 8192, "nvme0n1", 2, 2048 * 512), ((int)part.SizeBytes, part.LogicalSectorSizeBytes,
            part.PhysicalSectorSizeBytes, part.Disk, part.PartitionNumber, (int)part.StartBytes));
        Assert.Equal((true, true, "abcd-01", "/dev/nvme0n1p2"), (part.IsReadOnly, part.IsRemovable, part.PartitionUuid, part.Name));
        Assert.Equal(["/dev/mapper/vg-a\\x20b", "swap"], tree.HoldersOf(part));
        SysDevice mapped = tree.ByName("vg-a b")!;
        Assert.Equal("/srv", Assert.Single(tree.MountsOf(mapped)).MountPoint);
        Assert.Equal("/dev/cciss/c0d0", tree.ByKernelName("cciss!c0d0")!.Name);
        SysDevice loop = tree.ByKernelName("loop9")!;
        Assert.Equal(("/gone/file", true), (loop.BackingFile, loop.IsBackingFileDeleted));
    }

    [Fact]
    public void Damaged_values_are_bounded()
    {
        Put("block/a/dev", "8");
        Put("block/b/dev", "8:1");
        Put("block/b/size", "99999999999999999999999");
        Put("block/b/queue/logical_block_size", "-512");
        Put("block/c/dev", "8:2");
        Put("block/c/size", $"{long.MaxValue}");
        Put("block/c/queue/logical_block_size", "513");
        DeviceTree tree = Read();
        Assert.Equal(["b", "c"], tree.Devices.Select(device => device.KernelName));
        Assert.All(tree.Devices, device => Assert.Equal((0L, 512), (device.SizeBytes, device.LogicalSectorSizeBytes)));
    }

    [Fact]
    public void A_machine_that_shows_nothing_has_nothing() => Assert.Empty(Read().Devices);
}
