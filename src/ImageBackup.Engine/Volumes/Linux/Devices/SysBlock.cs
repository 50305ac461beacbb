using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

/// <summary>Reads the block devices from /sys/block. Layout: the kernel's Documentation/ABI/stable/sysfs-block.</summary>
internal static class SysBlock
{
    // Sizes and starts in /sys are in units of 512 bytes, whatever the device's sector.
    private const int SysUnitBytes = 512;
    private const int MaxSectorSizeBytes = 1 << 20;
    private const string DeletedMark = " (deleted)";

    public static IReadOnlyList<SysDevice> Read(LinuxRoots roots)
    {
        var devices = new List<SysDevice>();
        string block = Path.Combine(roots.Sys, "block");
        foreach (string diskName in LinuxRoots.Names(block))
        {
            string diskPath = Path.Combine(block, diskName);
            if (ReadOne(roots, diskPath, diskName, null) is not { } disk)
                continue;
            devices.Add(disk);
            foreach (string partName in LinuxRoots.Names(diskPath))
            {
                string partPath = Path.Combine(diskPath, partName);
                if (File.Exists(Path.Combine(partPath, "partition")) && ReadOne(roots, partPath, partName, disk) is { } part)
                    devices.Add(part);
            }
        }
        return devices;
    }

    private static SysDevice? ReadOne(LinuxRoots roots, string path, string kernelName, SysDevice? disk)
    {
        // Without a number there is no device: it went while we looked.
        if (LinuxRoots.TryReadText(Path.Combine(path, "dev")) is not { } devText || DeviceNumber.Parse(devText) is not { } number)
            return null;
        IReadOnlyDictionary<string, string> uevent = PropertyLines.Parse(LinuxRoots.TryReadText(Path.Combine(path, "uevent")) ?? "");
        long? start = disk is null ? null : LinuxRoots.TryReadNumber(Path.Combine(path, "start"));
        int sectorSizeBytes = disk?.LogicalSectorSizeBytes ?? SectorSize(path, "logical_block_size");
        long sizeBytes = UnitsToBytes(LinuxRoots.TryReadNumber(Path.Combine(path, "size")));
        (string? backingFile, bool isDeleted) = BackingFileOf(path);
        return new SysDevice
        {
            KernelName = kernelName,
            Number = number,
            SizeBytes = sizeBytes - (sizeBytes % sectorSizeBytes),
            NodePath = Path.Combine(roots.Dev, uevent.Find("DEVNAME") ?? kernelName.Replace('!', '/')),
            Disk = disk?.KernelName,
            PartitionNumber = disk is null ? null : (int?)LinuxRoots.TryReadNumber(Path.Combine(path, "partition")),
            StartBytes = UnitsToBytes(start),
            LogicalSectorSizeBytes = sectorSizeBytes,
            PhysicalSectorSizeBytes = disk?.PhysicalSectorSizeBytes ?? SectorSize(path, "physical_block_size"),
            IsReadOnly = LinuxRoots.TryReadNumber(Path.Combine(path, "ro")) == 1,
            IsRemovable = disk?.IsRemovable ?? LinuxRoots.TryReadNumber(Path.Combine(path, "removable")) == 1,
            IsHidden = LinuxRoots.TryReadNumber(Path.Combine(path, "hidden")) == 1,
            MapperName = LinuxRoots.TryReadText(Path.Combine(path, "dm", "name")) is { Length: > 0 } name ? name : null,
            MapperUuid = TextAt(path, "dm", "uuid"),
            RaidUuid = TextAt(path, "md", "uuid"),
            HardwareId = disk is not null ? disk.HardwareId : HardwareIdOf(path),
            LoopOffsetBytes = LinuxRoots.TryReadNumber(Path.Combine(path, "loop", "offset")) ?? 0,
            BackingFile = backingFile,
            IsBackingFileDeleted = isDeleted,
            Slaves = LinuxRoots.Names(Path.Combine(path, "slaves")),
            Holders = LinuxRoots.Names(Path.Combine(path, "holders")),
            PartitionUuid = uevent.Find("PARTUUID")?.ToLower(CultureInfo.InvariantCulture),
            DiskSequence = disk?.DiskSequence ?? LinuxRoots.TryReadNumber(Path.Combine(path, "diskseq")),
            PartitionLabel = uevent.Find("PARTNAME"),
        };
    }

    /// <summary>SCSI and NVMe tell a WWN, virtio and NVMe a serial, memory cards their CID.</summary>
    private static string? HardwareIdOf(string path) => TextAt(path, "wwid") ?? TextAt(path, "device", "wwid") ?? TextAt(path, "serial")
        ?? TextAt(path, "device", "serial") ?? TextAt(path, "device", "cid");

    private static string? TextAt(string path, params string[] names) =>
        LinuxRoots.TryReadText(Path.Combine([path, .. names]))?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>The kernel marks a file that lost its name by an ending; a file may really be called so.</summary>
    private static (string? Path, bool IsDeleted) BackingFileOf(string devicePath)
    {
        string? file = LinuxRoots.TryReadText(Path.Combine(devicePath, "loop", "backing_file"));
        if (string.IsNullOrEmpty(file))
            return (null, false);
        return file!.EndsWith(DeletedMark, StringComparison.Ordinal) && !File.Exists(file)
            ? (file.Substring(0, file.Length - DeletedMark.Length), true)
            : (file, false);
    }

    private static long UnitsToBytes(long? units) =>
        units is { } count && count <= long.MaxValue / SysUnitBytes ? count * SysUnitBytes : 0;

    private static int SectorSize(string path, string name)
    {
        long bytes = LinuxRoots.TryReadNumber(Path.Combine(path, "queue", name)) ?? SysUnitBytes;
        bool usable = bytes is >= SysUnitBytes and <= MaxSectorSizeBytes && (bytes & (bytes - 1)) == 0;
        return usable ? (int)bytes : SysUnitBytes;
    }
}
