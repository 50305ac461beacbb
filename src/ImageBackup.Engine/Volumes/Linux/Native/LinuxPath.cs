using System;
using System.IO;
using System.Text;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Paths on their way to and from the C library.</summary>
internal static class LinuxPath
{
    private const int PathMaxBytes = 4096;

    /// <summary>UTF-8 with the ending 0. A path with a 0 inside becomes the empty one, which names nothing.</summary>
    public static byte[] ToNative(string path)
    {
        if (path.IndexOf('\0') >= 0)
            return [0];
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, 0, path.Length, bytes, 0);
        return bytes;
    }

    /// <summary>The path without symbolic links, or null if it does not exist or may not be walked.</summary>
    public static string? Resolve(string path)
    {
        byte[] buffer = new byte[PathMaxBytes + 1];
        if (Libc.realpath(ToNative(path), buffer) == IntPtr.Zero)
            return null;
        int length = Array.IndexOf(buffer, (byte)0);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>What a symbolic link holds, unresolved: also the "mnt:[4026531840]" of /proc's. Null if it is not one or may not be read.</summary>
    public static string? TryReadLink(string path)
    {
        byte[] buffer = new byte[PathMaxBytes];
        nint count = Libc.readlink(ToNative(path), buffer, (nuint)buffer.Length);
        return count <= 0 ? null : Encoding.UTF8.GetString(buffer, 0, (int)count);
    }

    /// <summary>The file's directory, for a full path; "/" for what lies there.</summary>
    public static string DirectoryOf(string fullPath) => Path.GetDirectoryName(fullPath) ?? "/";

    /// <summary>True if the path is the directory or lies in it.</summary>
    public static bool IsInside(string path, string directory) =>
        directory == "/" || path == directory
        || (path.Length > directory.Length && path[directory.Length] == '/' && path.StartsWith(directory, StringComparison.Ordinal));
}
