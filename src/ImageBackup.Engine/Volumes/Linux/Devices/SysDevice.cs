using System;
using System.Collections.Generic;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

/// <summary>A block device as /sys shows it.</summary>
internal sealed record SysDevice
{
    private const uint RamMajor = 1;
    private const uint FloppyMajor = 2;

    /// <summary>Its directory's name: sda1, dm-0, cciss!c0d0.</summary>
    public required string KernelName { get; init; }
    public required DeviceNumber Number { get; init; }
    public required long SizeBytes { get; init; }

    /// <summary>Its node's path, as the kernel names it (/dev/sda1, /dev/dm-0).</summary>
    public required string NodePath { get; init; }

    /// <summary>The disk that this is a partition of.</summary>
    public string? Disk { get; init; }
    public int? PartitionNumber { get; init; }
    public long StartBytes { get; init; }
    public int LogicalSectorSizeBytes { get; init; } = 512;
    public int PhysicalSectorSizeBytes { get; init; } = 512;
    public bool IsReadOnly { get; init; }
    public bool IsRemovable { get; init; }
    public bool IsHidden { get; init; }

    /// <summary>The device mapper's name for it.</summary>
    public string? MapperName { get; init; }

    /// <summary>The device mapper's UUID: LVM-..., CRYPT-LUKS2-...-name.</summary>
    public string? MapperUuid { get; init; }

    /// <summary>A software RAID's UUID, if this kernel tells it.</summary>
    public string? RaidUuid { get; init; }

    /// <summary>The disk's WWN or serial as the kernel has it; of a partition its disk's.</summary>
    public string? HardwareId { get; init; }

    /// <summary>Where in the file a loop device begins, in bytes.</summary>
    public long LoopOffsetBytes { get; init; }

    /// <summary>The path of the file or device behind a loop device; null if none is attached.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The file behind the loop device has lost its name; another may bear it now.</summary>
    public bool IsBackingFileDeleted { get; init; }

    /// <summary>What it lies on, by kernel name.</summary>
    public IReadOnlyList<string> Slaves { get; init; } = Array.Empty<string>();

    /// <summary>What lies on it, by kernel name. Loop devices on a device are not among them.</summary>
    public IReadOnlyList<string> Holders { get; init; } = Array.Empty<string>();

    /// <summary>The name under which images are filed.</summary>
    public string Name => MapperName is { } name ? "/dev/mapper/" + MangleMapperName(name) : NodePath;

    public string? PartitionUuid { get; init; }

    /// <summary>GPT: the partition's name.</summary>
    public string? PartitionLabel { get; init; }

    /// <summary>The disk's: raised by every medium and every attachment (Linux 5.15 and later). A partition has its disk's.</summary>
    public long? DiskSequence { get; init; }

    public DeviceInstance Instance => InstanceBy(DiskSequence);

    /// <summary>The same with a sequence number that an open handle told.</summary>
    public DeviceInstance InstanceBy(long? diskSequence) => DeviceInstance.Of(
        ("device number", Number.ToString()),
        ("disk sequence number", diskSequence?.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        ("hardware id", HardwareId),
        ("device mapper id", MapperUuid),
        ("first byte on the disk", Disk is null ? null : StartBytes.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>Worth listing: has a length, is not hidden behind a multipath device, and is neither memory nor a diskette.</summary>
    public bool IsListed => SizeBytes > 0 && !IsHidden && Number.Major != RamMajor && Number.Major != FloppyMajor
        && !KernelName.StartsWith("ram", StringComparison.Ordinal) && !KernelName.StartsWith("zram", StringComparison.Ordinal);

    /// <summary>The node's name in /dev/mapper: libdevmapper writes all but a few characters as \xNN.</summary>
    private static string MangleMapperName(string name)
    {
        var mangled = new System.Text.StringBuilder(name.Length);
        foreach (char c in name)
        {
            bool plain = c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9')
                or '#' or '+' or '-' or '.' or ':' or '=' or '@' or '_' || c > '~';
            if (plain)
                mangled.Append(c);
            else
                mangled.Append("\\x").Append(((int)c).ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return mangled.ToString();
    }
}
