using System;
using System.IO;

namespace ImageBackup.Engine.Platform;

/// <summary>The room on the disk that a path lies on.</summary>
internal static class DiskSpace
{
    /// <summary>Free bytes for this user; null if the system does not tell (a UNC path on Windows, a path that is gone).</summary>
    public static long? FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(path).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
