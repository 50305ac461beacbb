using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>
/// Gives back what the system's cache holds of a file. The files that a backup writes or a restore reads are not read again soon: left
/// in the cache, it pushes out what other programs need, and makes the system find a fresh page for every one of ours
/// instead of the one just freed, which on a virtual machine whose host takes unused memory back is the dearest part of
/// writing. A hint: if it cannot be given, nothing changes.
/// </summary>
internal static class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Drops the clean pages of the whole file; dirty pages stay.</summary>
    public static void Drop(SafeFileHandle file)
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
            _ = posix_fadvise(file, 0, 0, DontNeed);
    }

    [DllImport("libc")]
    private static extern int posix_fadvise(SafeFileHandle handle, long offset, long length, int advice);
}
