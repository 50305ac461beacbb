using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows.Naming;

/// <summary>Asks Windows which names its volumes have.</summary>
internal static class VolumeNames
{
    private const int MostVolumes = 4096;

    /// <summary>\\?\Volume{guid}\ of every volume.</summary>
    public static IReadOnlyList<string> All()
    {
        var names = new List<string>();
        char[] buffer = new char[NativeText.PathChars];
        IntPtr find = Kernel32.FindFirstVolumeW(buffer, (uint)buffer.Length);
        if (find == new IntPtr(-1))
            return names;
        do
            names.Add(NativeText.Read(buffer));
        while (names.Count < MostVolumes && Kernel32.FindNextVolumeW(find, buffer, (uint)buffer.Length));
        Kernel32.FindVolumeClose(find);
        return names;
    }

    /// <summary>The letters that are in use, as "D:".</summary>
    public static IReadOnlyList<string> Letters()
    {
        uint drives = Kernel32.GetLogicalDrives();
        return [.. Enumerable.Range(0, 26).Where(i => (drives >> i & 1) != 0).Select(i => (char)('A' + i) + ":")];
    }

    /// <summary>Where a volume is mounted: "D:\" and folders.</summary>
    public static IReadOnlyList<string> MountPointsOf(string volumeGuidName)
    {
        uint length = NativeText.PathChars;
        // The list may grow between two calls; more than a few times it does not.
        for (int attempt = 0; attempt < 4; attempt++)
        {
            char[] buffer = new char[length];
            if (Kernel32.GetVolumePathNamesForVolumeNameW(volumeGuidName, buffer, length, out uint needed))
                return NativeText.ReadMany(buffer);
            if (Marshal.GetLastWin32Error() != WindowsError.MoreData || needed is 0 or > (1 << 20))
                break;
            length = needed;
        }
        return [];
    }

    /// <summary>\\?\Volume{guid}\ of what is mounted at a letter or folder; null if nothing is.</summary>
    public static string? AtMountPoint(string path)
    {
        char[] buffer = new char[NativeText.PathChars];
        string folder = path.EndsWith("\\", StringComparison.Ordinal) ? path : path + "\\";
        return Kernel32.GetVolumeNameForVolumeMountPointW(folder, buffer, (uint)buffer.Length) ? NativeText.Read(buffer) : null;
    }

    /// <summary>The mount point ("D:\", or a folder) on which a path lies; the path need not exist.</summary>
    public static string? MountPointUnder(string path)
    {
        char[] buffer = new char[NativeText.PathChars];
        return Kernel32.GetVolumePathNameW(path, buffer, (uint)buffer.Length) ? NativeText.Read(buffer) : null;
    }

    /// <summary>The kernel's name (\Device\HarddiskVolume1) of a letter or Volume{guid}; null if there is none.</summary>
    public static string? KernelName(string dosName)
    {
        char[] buffer = new char[NativeText.PathChars];
        return Kernel32.QueryDosDeviceW(dosName, buffer, (uint)buffer.Length) > 0 ? NativeText.Read(buffer) : null;
    }
}
