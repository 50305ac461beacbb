using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

internal sealed partial class WindowsVolumeSystem
{
    private const int DefaultSectorBytes = 512;
    private const int LabelChars = 261;

    /// <summary>A volume that was found by one of its names; the others are asked for.</summary>
    private static VolumeDescription DescribeAt(string? guidName, IReadOnlyList<string> knownMountPoints)
    {
        IReadOnlyList<string> mountPoints = guidName is null ? [] : VolumeNames.MountPointsOf(guidName);
        return Describe(guidName, mountPoints.Count > 0 ? mountPoints : knownMountPoints, new SystemVolumes());
    }

    private static VolumeDescription Describe(string? guidName, IReadOnlyList<string> mountPoints, SystemVolumes system)
    {
        string? letter = mountPoints.Select(WindowsVolumeName.LetterOf).FirstOrDefault(found => found is not null);
        string root = guidName ?? mountPoints[0];
        string name = letter ?? root;
        string devicePath = letter is not null ? WindowsVolumeName.LetterDevice(letter) : root.TrimEnd('\\');
        uint driveType = Kernel32.GetDriveTypeW(root);
        VolumeDescription description = DescribeOpened(name, devicePath, root, guidName) with
        {
            MountPoints = mountPoints,
            Aliases = guidName is not null && guidName != name ? [guidName] : [],
            IsRemovable = driveType is Kernel32.DRIVE_REMOVABLE or Kernel32.DRIVE_CDROM,
            IsSystem = system.Contains(guidName, mountPoints),
        };
        char[] label = new char[LabelChars];
        char[] fileSystem = new char[LabelChars];
        if (!Kernel32.GetVolumeInformationW(root, label, LabelChars, out uint serial, out _, out uint flags, fileSystem, LabelChars))
            return description;
        return description with
        {
            Label = NativeText.Read(label) is { Length: > 0 } text ? text : null,
            Serial = $"{serial >> 16:X4}-{serial & 0xFFFF:X4}",
            MountedFileSystem = NativeText.Read(fileSystem) is { Length: > 0 } type ? type : null,
            IsReadOnly = description.IsReadOnly || (flags & Kernel32.FILE_READ_ONLY_VOLUME) != 0,
        };
    }

    /// <summary>A device without letter or GUID: a shadow copy.</summary>
    private static VolumeDescription DescribeDevice(string devicePath)
    {
        using WindowsHandle handle = WindowsHandle.Open(devicePath, Kernel32.GENERIC_READ, ShareAll, Kernel32.OPEN_EXISTING, 0, out int error)
            ?? throw WindowsError.Open(error, devicePath, isDevice: true);
        return DescribeOpened(devicePath, devicePath, devicePath + "\\");
    }

    /// <summary>What the volume says when it is opened, as far as this user may open it.</summary>
    private static VolumeDescription DescribeOpened(string name, string devicePath, string root, string? guidName = null)
    {
        long? sizeBytes = null;
        using WindowsHandle? readable = WindowsHandle.Open(
            devicePath, Kernel32.GENERIC_READ, ShareAll, Kernel32.OPEN_EXISTING, 0, out _);
        // Without any right asked for, the questions that need none can still be put.
        using WindowsHandle? plain = readable is null
            ? WindowsHandle.Open(devicePath, 0, ShareAll, Kernel32.OPEN_EXISTING, 0, out _)
            : null;
        WindowsHandle? opened = readable ?? plain;
        int sectorBytes = (opened is null ? null : VolumeGeometry.SectorSize(opened)) ?? SectorOfFileSystem(root);
        if (readable is not null)
            sizeBytes = VolumeGeometry.ToldLength(readable) ?? TryProbe(readable, name, sectorBytes);
        sizeBytes ??= opened is null ? null : VolumeGeometry.ExtentLength(opened);
        sizeBytes ??= Kernel32.GetDiskFreeSpaceExW(root, out _, out ulong total, out _) && total <= long.MaxValue ? (long)total : 0;
        WindowsPartition? partition = opened is null ? null : WindowsPartition.Of(opened);
        return new VolumeDescription
        {
            Name = name,
            DevicePath = devicePath,
            Kind = VolumeKind.WindowsVolume,
            SizeBytes = sizeBytes.Value,
            SectorSizeBytes = sectorBytes,
            PhysicalSectorSizeBytes = (opened is null ? null : VolumeGeometry.PhysicalSectorSize(opened)) ?? sectorBytes,
            PartitionUuid = partition?.Uuid,
            PartitionType = partition?.Type,
            PartitionLabel = partition?.Label,
            Identity = WindowsIdentity.Of(root, partition, partition is null || opened is null ? null : WindowsIdentity.DiskIdOf(opened)),
            Instance = opened is null ? null : InstanceOf(opened, guidName),
            IsReadOnly = opened is not null && !opened.Control(Kernel32.IOCTL_DISK_IS_WRITABLE, out int error) && error == WindowsError.WriteProtect,
        };
    }

    private static VolumeDescription DescribeFile(string path)
    {
        var file = new FileInfo(path);
        return new VolumeDescription
        {
            Name = path,
            DevicePath = path,
            Kind = VolumeKind.File,
            SizeBytes = file.Length,
            Identity = WindowsIdentity.OfFile(path),
            IsReadOnly = file.IsReadOnly,
        };
    }

    /// <summary>Disks keep their numbers while they are attached; a volume's GUID is the system's for good.</summary>
    private static DeviceInstance InstanceOf(IVolumeControl opened, string? guidName) => DeviceInstance.Of(
        ("place", VolumeGeometry.Extents(opened)), ("volume GUID", guidName?.ToUpperInvariant()));

    private static long? TryProbe(WindowsHandle volume, string name, int sectorBytes)
    {
        try
        {
            return VolumeGeometry.ProbedLength(volume, name, sectorBytes);
        }
        catch (BlockReadException)
        {
            return null;
        }
    }

    private static int SectorOfFileSystem(string root) =>
        Kernel32.GetDiskFreeSpaceW(root, out _, out uint bytes, out _, out _) && bytes is >= DefaultSectorBytes and <= 1 << 16 && (bytes & (bytes - 1)) == 0
            ? (int)bytes
            : DefaultSectorBytes;
}
