using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>The volumes of a Windows machine: letters, volume GUIDs, mount folders, and plain files that hold one.</summary>
/// <remarks>
/// On Windows a volume is mounted whenever somebody opens it, so a target is not refused for being mounted: it is
/// locked, which fails while anybody has a file of it open, and dismounted.
/// </remarks>
internal sealed partial class WindowsVolumeSystem : IVolumeSystem
{
    public IReadOnlyList<VolumeDescription> List()
    {
        var system = new SystemVolumes();
        var found = new List<VolumeDescription>();
        foreach (string guidName in VolumeNames.All())
            found.Add(Describe(guidName, VolumeNames.MountPointsOf(guidName), system));
        foreach (string letter in VolumeNames.Letters())
        {
            if (IsLocal(letter) && !found.Exists(volume => volume.MountPoints.Contains(letter + "\\", StringComparer.OrdinalIgnoreCase)))
                found.Add(Describe(VolumeNames.AtMountPoint(letter), [letter + "\\"], system));
        }
        return [.. found.Where(volume => volume.SizeBytes > 0)];
    }

    public VolumeDescription Find(string name)
    {
        switch (WindowsVolumeName.Parse(name))
        {
            case { Kind: WindowsNameKind.Letter, Value: var letter }:
                if (VolumeNames.KernelName(letter) is null && Kernel32.GetDriveTypeW(letter + "\\") == Kernel32.DRIVE_NO_ROOT_DIR)
                    throw NotFound(name, "the letter is not in use");
                if (!IsLocal(letter))
                    throw NotFound(name, "it is a network drive or stands for a folder");
                return DescribeAt(VolumeNames.AtMountPoint(letter), [letter + "\\"]);
            case { Kind: WindowsNameKind.VolumeGuid, Value: var guidName }:
                return VolumeNames.All().FirstOrDefault(known => string.Equals(known, guidName, StringComparison.OrdinalIgnoreCase)) is { } volume
                    ? DescribeAt(volume, [])
                    : throw NotFound(name, "no volume has that GUID");
            case { Kind: WindowsNameKind.Device, Value: var device }:
                return DescribeDevice(device);
            case { Value: var path }:
                return FindPath(name, path);
            default:
                throw NotFound(name, "the name is empty");
        }
    }

    public IReadOnlyList<string> VolumesUnder(string path)
    {
        // A path in the device namespace lies on no volume.
        if (VolumeNames.MountPointUnder(Path.GetFullPath(path)) is not { } mountPoint
            || Kernel32.GetDriveTypeW(mountPoint) == Kernel32.DRIVE_REMOTE)
            return [];
        return [DescribeAt(VolumeNames.AtMountPoint(mountPoint), [mountPoint]).Name];
    }

    private static VolumeDescription FindPath(string name, string path)
    {
        string fullPath;
        try
        {
            fullPath = Path.GetFullPath(path);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or IOException)
        {
            throw NotFound(name, e.Message);
        }
        if (File.Exists(fullPath))
            return DescribeFile(fullPath);
        if (!Directory.Exists(fullPath))
            throw NotFound(name, "neither a volume nor a file has that name");
        return VolumeNames.AtMountPoint(fullPath) is { } volume
            ? DescribeAt(volume, [fullPath.TrimEnd('\\') + "\\"])
            : throw NotFound(name, "it is a directory and not a mount point");
    }

    /// <summary>Not a network drive, nor a letter that SUBST made.</summary>
    private static bool IsLocal(string letter) =>
        Kernel32.GetDriveTypeW(letter + "\\") != Kernel32.DRIVE_REMOTE
        && VolumeNames.KernelName(letter)?.StartsWith(@"\??\", StringComparison.Ordinal) != true;

    private static ImageBackupException NotFound(string name, string why) =>
        new(ErrorId.VolumeNotFound, $"There is no volume '{name}': {why}.", name);
}
