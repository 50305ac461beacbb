using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
#if !NET
using System.Reflection;
#endif

namespace ImageBackup.Engine.Compat;

/// <summary>What replacing a file needs of the system and netstandard2.0 has no name for.</summary>
internal static class FileModes
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>The file that a symbolic link names in the end; the path itself where it is no link or not there.</summary>
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

    private static string Resolve(string path)
    {
#if NET
        return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
#else
        // Present in every runtime since .NET 6 that loads this build; .NET Framework has no such links to follow.
        var resolve = typeof(File).GetMethod("ResolveLinkTarget", new[] { typeof(string), typeof(bool) });
        return (Invoke(resolve, path, true) as FileSystemInfo)?.FullName ?? path;
#endif
    }

    /// <summary>Gives the new file the old one's permission bits. Windows: <see cref="Replace"/> keeps the access list.</summary>
    public static void Copy(string oldPath, string newPath)
    {
        if (s_isWindows || !File.Exists(oldPath))
            return;
#if NET
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(newPath, File.GetUnixFileMode(oldPath));
#else
        var get = typeof(File).GetMethod("GetUnixFileMode", new[] { typeof(string) });
        var set = get is null ? null : typeof(File).GetMethod("SetUnixFileMode", new[] { typeof(string), get.ReturnType });
        if (set is not null)
            Invoke(set, newPath, Invoke(get, oldPath));
#endif
    }

    /// <summary>Renames over a file that may exist, in one step for whoever looks.</summary>
    public static void Replace(string temporary, string target)
    {
        if (s_isWindows && File.Exists(target))
        {
            File.Replace(temporary, target, null, ignoreMetadataErrors: false);
            return;
        }

#if NET
        File.Move(temporary, target, overwrite: true);
#else
        if (s_isWindows || !File.Exists(target))
            File.Move(temporary, target);
        else
            File.Replace(temporary, target, null);
#endif
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

    /// <summary>Keeps two writers of one file apart while it is held; null where another holds it.</summary>
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

#if !NET
    private static object? Invoke(MethodInfo? method, params object?[] arguments)
    {
        try
        {
            return method?.Invoke(null, arguments);
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e.InnerException).Throw();
            throw;
        }
    }
#endif

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fsync(int handle);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int handle);
#pragma warning restore IDE1006
}
