using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows.Naming;

/// <summary>
/// The volumes that the running Windows needs: its directory's, the one it was started from, and those with a page
/// file. Read once for a listing.
/// </summary>
internal sealed class SystemVolumes
{
    private readonly HashSet<string> _mountPoints = new(StringComparer.OrdinalIgnoreCase);
    private readonly string? _startedFrom;

    public SystemVolumes()
    {
        char[] buffer = new char[NativeText.PathChars];
        if (Kernel32.GetSystemWindowsDirectoryW(buffer, (uint)buffer.Length) > 0)
            AddUnder(NativeText.Read(buffer));
        foreach (string file in RegistryTexts(@"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management", "ExistingPageFiles"))
            AddUnder(file.StartsWith(@"\??\", StringComparison.Ordinal) ? file.Substring(4) : file);
        _startedFrom = RegistryTexts(@"SYSTEM\Setup", "SystemPartition") is [var partition, ..] ? partition : null;
    }

    public bool Contains(string? volumeGuidName, IEnumerable<string> mountPoints)
    {
        if (mountPoints.Any(_mountPoints.Contains) || (volumeGuidName is not null && _mountPoints.Contains(volumeGuidName)))
            return true;
        return _startedFrom is not null && volumeGuidName is not null
            && string.Equals(VolumeNames.KernelName(volumeGuidName.Substring(4).TrimEnd('\\')), _startedFrom, StringComparison.OrdinalIgnoreCase);
    }

    private void AddUnder(string path)
    {
        if (VolumeNames.MountPointUnder(path) is not { } mountPoint)
            return;
        _mountPoints.Add(mountPoint);
        if (VolumeNames.AtMountPoint(mountPoint) is { } volume)
            _mountPoints.Add(volume);
    }

    /// <summary>A text value, or the texts of a list; none if the value is not there.</summary>
    private static IReadOnlyList<string> RegistryTexts(string key, string value)
    {
        char[] data = new char[8192];
        uint dataBytes = sizeof(char) * 8192;
        int error = Kernel32.RegGetValueW(Kernel32.HKEY_LOCAL_MACHINE, key, value,
            Kernel32.RRF_RT_REG_SZ | Kernel32.RRF_RT_REG_MULTI_SZ, out _, data, ref dataBytes);
        return error == 0 ? NativeText.ReadMany(data) : [];
    }
}
