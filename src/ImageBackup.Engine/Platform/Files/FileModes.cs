using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>What replacing a file needs of the system and netstandard2.0 has no name for.</summary>
internal static partial class FileModes
{
    /// <summary>0644.</summary>
    public const int ReadableByAll = 0x1A4;

    /// <summary>0755, of directories.</summary>
    public const int EnteredByAll = 0x1ED;

    /// <summary>0600.</summary>
    public const int OwnerOnly = 0x180;

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>The file that a symbolic link names in the end; the path itself if it is not a link or does not exist.</summary>
    public static string FollowLink(string path)
    {
        try
        {
            return Resolve(path);
        }
        catch (FileNotFoundException)
        {
            return path;
        }
    }

    /// <summary>A file's permission bits; null if it is not there, and on Windows, where <see cref="Replace"/> keeps the access list.</summary>
    public static int? Of(string path) => s_isWindows || !File.Exists(path) ? null : ModeOf(path);

    /// <summary>Sets a file's or directory's permission bits, whatever the umask is. Windows: nothing.</summary>
    public static void Set(string path, int mode)
    {
        if (!s_isWindows && chmod(Encoding.UTF8.GetBytes(path + "\0"), (uint)mode) != 0)
            throw new IOException($"The permissions of '{path}' could not be set (errno {Marshal.GetLastWin32Error()}).");
    }

    /// <summary>Renames over a file that may exist, in one step for every reader.</summary>
    public static void Replace(string temporary, string target)
    {
        if (s_isWindows && File.Exists(target))
        {
            File.Replace(temporary, target, null, ignoreMetadataErrors: false);
            return;
        }
        MoveOver(temporary, target);
    }

    /// <summary>Makes a rename durable. Windows journals it; a file system that cannot be asked is left be.</summary>
    public static void FlushDirectory(string folder)
    {
        if (s_isWindows)
            return;
        var handle = open(Encoding.UTF8.GetBytes(folder + "\0"), 0);
        if (handle < 0)
            return;
        _ = fsync(handle);
        _ = close(handle);
    }

    /// <summary>Keeps two writers of one file apart while it is held; null if another holds it.</summary>
    public static IDisposable? TryLock(string path)
    {
        // A writer needs milliseconds; one that died left no lock behind, because the system dropped it.
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && File.Exists(path))
            {
                if (attempt == 100)
                    return null;
                System.Threading.Thread.Sleep(20);
            }
        }
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fsync(int handle);

    [DllImport("libc", SetLastError = true)]
    private static extern int chmod(byte[] path, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int handle);
#pragma warning restore IDE1006
}
