using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>What the BCL lacks for durable, private files, on both frameworks and both systems.</summary>
internal static partial class DurableFiles
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>
    /// Makes a directory's entries durable after a rename or creation in it. Windows has no such call (NTFS journals
    /// names); network file systems that refuse it are passed over, as restic does.
    /// </summary>
    public static void SyncDirectory(string path)
    {
        if (s_isWindows)
            return;
        int handle = open(path, UnixCalls.ReadOnly | UnixCalls.DirectoryOnly | UnixCalls.CloseOnExec);
        if (handle < 0)
            throw new IOException($"The directory '{path}' could not be opened to be flushed (errno {Marshal.GetLastWin32Error()}).");
        try
        {
            const int invalid = 22, notSupported = 95;
            if (fsync(handle) != 0 && Marshal.GetLastWin32Error() is var error && error != invalid && error != notSupported)
                throw new IOException($"The directory '{path}' could not be flushed (errno {error}).", error);
        }
        finally
        {
            _ = close(handle);
        }
    }

    /// <summary>Creates a directory, and those of its parents that are not there, which only the owner may enter (0700).</summary>
    public static void CreatePrivateDirectory(string path)
    {
        foreach (string directory in Missing(path))
            CreateOnePrivate(directory);
    }

    /// <summary>The same, which others may look into and not write to (0755), whatever the umask.</summary>
    public static void CreateReadableDirectory(string path)
    {
        foreach (string directory in Missing(path))
        {
            // Private first: nobody writes into it before its mode is set.
            CreateOnePrivate(directory);
            FileModes.Set(directory, FileModes.EnteredByAll);
        }
    }

    /// <summary>From the top down: a call that makes parents gives them what the umask leaves of 0777.</summary>
    private static Stack<string> Missing(string path)
    {
        var missing = new Stack<string>();
        for (string? current = Path.GetFullPath(path); current is not null && !Directory.Exists(current); current = Path.GetDirectoryName(current))
            missing.Push(current);
        return missing;
    }

    /// <summary>Creates a file that only the owner may read, for writing; fails if the name is taken.</summary>
    public static partial FileStream CreatePrivateFile(string path, int bufferSizeBytes);

    /// <summary>
    /// Asks the system to begin writing what is in its cache of a file, without waiting: the flush at the end then has
    /// little left to do. Only a hint; if there is none, nothing happens.
    /// </summary>
    public static void BeginWriteback(FileStream stream)
    {
        const uint write = 2;
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
            _ = sync_file_range(stream.SafeFileHandle, 0, 0, write);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int sync_file_range(Microsoft.Win32.SafeHandles.SafeFileHandle handle, long offset, long count, uint flags);

    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int open([MarshalAs(UnmanagedType.LPStr)] string path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fsync(int handle);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int handle);

    private const int SpoolBufferBytes = 64 << 10;

    /// <summary>Makes a file of a free name for the owner alone, to be written and read again. On Windows it goes when it is closed.</summary>
    public static partial FileStream CreateSpool(string path);
}
