using System;

namespace ImageBackup;

/// <summary>What a fact of a volume's identity is. The order is the strength: the first kind that two volumes share decides.</summary>
/// <remarks>Names are written to image.json in camelCase (src/FORMAT.md): never rename or reuse one.</remarks>
public enum IdentityFactKind
{
    /// <summary>A GPT's disk GUID and partition GUID: "disk/partition", or "/partition" if the disk's is not known.</summary>
    GptPartition,

    /// <summary>An MBR's signature and the partition's start in bytes: "1234abcd@1048576". Of an old image "1234abcd-01" (its number).</summary>
    MbrPartition,

    /// <summary>LVM: the volume group's UUID and the logical volume's, as the device mapper has them (64 characters).</summary>
    LogicalVolume,

    /// <summary>Another device mapper UUID: CRYPT-LUKS2-..., mpath-...</summary>
    DeviceMapper,

    /// <summary>The UUID of a Linux software RAID.</summary>
    RaidArray,

    /// <summary>A plain file, or the file behind a loop device: its real path, and "@offset" if the volume begins later in it.</summary>
    File,

    /// <summary>The GUID of \\?\Volume{guid}\.</summary>
    WindowsVolume,

    /// <summary>A whole disk by its GPT's disk GUID.</summary>
    GptDisk,

    /// <summary>A whole disk by its MBR's signature.</summary>
    MbrDisk,

    /// <summary>The file system's UUID in lower case; a short serial has the type before it: "vfat:1234-abcd".</summary>
    FileSystem,

    /// <summary>
    /// The disk's WWN or serial; of a partition with "@start". The weakest: programs that emulate disks number them by the slot.
    /// </summary>
    Hardware,
}
