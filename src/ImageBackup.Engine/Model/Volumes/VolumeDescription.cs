using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>A volume as the system sees it, before anybody looked at its bytes.</summary>
internal sealed record VolumeDescription
{
    /// <summary>
    /// What the system calls it now: a device path by its kernel name (/dev/sda1, /dev/mapper/vg-lv), a drive letter with
    /// colon (D:), a \\?\Volume{guid}\ if there is no letter, or a file's full path. Names are given away again: which
    /// volume it is, <see cref="Identity"/> says.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>What is opened: /dev/..., \\.\D:, \\?\Volume{guid} (no trailing backslash), or the file's path.</summary>
    public required string DevicePath { get; init; }
    public required VolumeKind Kind { get; init; }
    public required long SizeBytes { get; init; }

    /// <summary>Logical sector size in bytes.</summary>
    public int SectorSizeBytes { get; init; } = 512;
    public int PhysicalSectorSizeBytes { get; init; } = 512;

    /// <summary>Every place it is mounted at (Linux: all mounts in this namespace; Windows: letters and folders).</summary>
    public IReadOnlyList<string> MountPoints { get; init; } = Array.Empty<string>();

    /// <summary>Other names: kernel aliases (/dev/disk/by-*), the \\?\Volume{guid}\ name, a loop device's backing file.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = Array.Empty<string>();

    /// <summary>It is mounted, and the mounted file system itself takes no writes.</summary>
    public bool IsMountedReadOnly { get; init; }

    /// <summary>File system as the system mounts it; null when not mounted. The probe's answer is another.</summary>
    public string? MountedFileSystem { get; init; }

    /// <summary>Label as the operating system tells it (Windows); the probe's answer otherwise.</summary>
    public string? Label { get; init; }

    /// <summary>Serial as the operating system tells it (Windows).</summary>
    public string? Serial { get; init; }
    public string? PartitionUuid { get; init; }
    public string? PartitionType { get; init; }

    /// <summary>GPT: the partition's name.</summary>
    public string? PartitionLabel { get; init; }

    /// <summary>Where it lies, by what travels with it; what is on it (the file system's id) is the probe's to add.</summary>
    public VolumeIdentity Identity { get; init; } = VolumeIdentity.None;

    /// <summary>
    /// All that lies on it or on the disk that it is part of, by name, however many layers above: they may show its content and
    /// its ids, and are the ones that are meant. Other partitions of the disk are not among them.
    /// </summary>
    public IReadOnlyList<string> LayersAbove { get; init; } = Array.Empty<string>();
    public bool IsReadOnly { get; init; }
    public bool IsRemovable { get; init; }

    /// <summary>The running system (root, boot, Windows directory, page file or active swap) is on it.</summary>
    public bool IsSystem { get; init; }

    /// <summary>What stacks on the device (dm, md, swap, loop), by name; empty when nothing does.</summary>
    public IReadOnlyList<string> Holders { get; init; } = Array.Empty<string>();
    /// <summary>Which device the name meant when this was read: compared with what is opened by it. Null: not known.</summary>
    public DeviceInstance? Instance { get; init; }
    public bool IsMounted => MountPoints.Count > 0;

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(VolumeDescription), PrintMembers);
}
