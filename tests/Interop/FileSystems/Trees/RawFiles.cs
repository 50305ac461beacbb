using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.FileSystems.Trees;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>Linux's calls for files with names that are not text to .NET. Names are <see cref="UnixFileName"/>'s.</summary>
internal static class RawFiles
{
    public const int FileType = 0x8000, DirectoryType = 0x4000, LinkType = 0xA000, BlockType = 0x6000, CharacterType = 0x2000, FifoType = 0x1000, SocketType = 0xC000;
    public const int KeepSize = 1;
    private const int NotSupported = 95, NoSpace = 28, TooLarge = 7;

    /// <summary>What statx(2) tells of one name, its last link not followed.</summary>
    public sealed record Status(
        int Mode, ulong Inode, ulong Device, long SizeBytes, long LinkCount, uint UserId, uint GroupId, (uint Major, uint Minor) Special,
        FileTreeTime Accessed, FileTreeTime? Created, FileTreeTime Changed, FileTreeTime Modified)
    {
        public int Type => Mode & 0xF000;
    }

    public static Status Stat(string path)
    {
        var buffer = new byte[256];
        Check(statx(-100, Native(path), 0x100, 0xFFF, buffer), path);
        uint U32(int at) => BitConverter.ToUInt32(buffer, at);
        long I64(int at) => BitConverter.ToInt64(buffer, at);
        FileTreeTime Time(int at) => new(I64(at), (int)U32(at + 8));
        return new Status(
            BitConverter.ToUInt16(buffer, 0x1C), (ulong)I64(0x20), (ulong)U32(0x88) << 32 | U32(0x8C), I64(0x28), U32(0x10), U32(0x14), U32(0x18), (U32(0x80), U32(0x84)),
            Time(0x40), (U32(0) & 0x800) != 0 ? Time(0x50) : null, Time(0x60), Time(0x70));
    }

    /// <summary>The names in a directory, without "." and "..".</summary>
    public static List<string> List(string path)
    {
        IntPtr directory = opendir(Native(path));
        if (directory == IntPtr.Zero)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), path);
        var names = new List<string>();
        for (IntPtr entry; (entry = readdir(directory)) != IntPtr.Zero;)
        {
            var bytes = new List<byte>();
            for (int at = 19; Marshal.ReadByte(entry, at) is not 0 and var value; at++)
                bytes.Add(value);
            string name = UnixFileName.Decode(bytes.ToArray());
            if (name is not ("." or ".."))
                names.Add(name);
        }
        _ = closedir(directory);
        return names;
    }

    public static string ReadLink(string path)
    {
        var buffer = new byte[8192];
        long length = readlink(Native(path), buffer, buffer.Length);
        Check((int)length, path);
        return UnixFileName.Decode(buffer.AsSpan(0, (int)length));
    }

    public static SortedDictionary<string, byte[]> ExtendedAttributes(string path)
    {
        var attributes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var buffer = new byte[1 << 17];
        long length = llistxattr(Native(path), buffer, buffer.Length);
        if (length < 0 && Marshal.GetLastPInvokeError() == NotSupported)
            return attributes;
        Check((int)length, path);
        foreach (string name in UnixFileName.Decode(buffer.AsSpan(0, (int)length)).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var value = new byte[1 << 17];
            long count = lgetxattr(Native(path), Native(name), value, value.Length);
            Check((int)count, path + " " + name);
            attributes.Add(name, value.AsSpan(0, (int)count).ToArray());
        }
        return attributes;
    }

    public static SafeFileHandle OpenRead(string path) => Open(path, 0, 0);

    /// <summary>A new file, or the old one's content from the start.</summary>
    public static SafeFileHandle Create(string path, int permissions = 0x1A4) => Open(path, 0x42, permissions);

    /// <summary>The first byte at or after the offset that may be data (SEEK_DATA); -1 if there is none.</summary>
    public static long SeekData(SafeFileHandle file, long offset) => lseek(file, offset, 3);

    public static long SeekHole(SafeFileHandle file, long offset) => lseek(file, offset, 4);

    public static void MakeDirectory(string path, int permissions = 0x1ED) => Check(mkdir(Native(path), (uint)permissions), path);

    public static void SymbolicLink(string target, string path) => Check(symlink(Native(target), Native(path)), path);

    public static void HardLink(string existing, string path) => Check(link(Native(existing), Native(path)), path);

    public static void MakeNode(string path, int typeAndPermissions, uint major = 0, uint minor = 0) =>
        Check(mknod(Native(path), (uint)typeAndPermissions, minor & 0xFF | (ulong)(major & 0xFFF) << 8 | (ulong)(minor & ~0xFFu) << 12), path);

    public static void Delete(string path) => Check(unlink(Native(path)), path);

    public static void SetPermissions(string path, int permissions) => Check(chmod(Native(path), (uint)permissions), path);

    public static void SetOwner(string path, uint user, uint group) => Check(lchown(Native(path), user, group), path);

    public static void SetTimes(string path, FileTreeTime accessed, FileTreeTime modified) =>
        Check(utimensat(-100, Native(path), [accessed.Seconds, accessed.Nanoseconds, modified.Seconds, modified.Nanoseconds], 0x100), path);

    /// <summary>False if the file system cannot keep it, or not one so large.</summary>
    public static bool TrySetExtendedAttribute(string path, string name, byte[] value)
    {
        int result = lsetxattr(Native(path), Native(name), value, value.Length, 0);
        if (result != 0 && Marshal.GetLastPInvokeError() is NotSupported or NoSpace or TooLarge)
            return false;
        Check(result, path + " " + name);
        return true;
    }

    /// <summary>False if the file system cannot reserve space.</summary>
    public static bool TryAllocate(SafeFileHandle file, int mode, long offset, long length)
    {
        int result = fallocate(file, mode, offset, length);
        if (result != 0 && Marshal.GetLastPInvokeError() == NotSupported)
            return false;
        Check(result, "fallocate");
        return true;
    }

    /// <summary>False if the file system has no files so large.</summary>
    public static bool TrySetLength(SafeFileHandle file, long length) => ftruncate(file, length) == 0;

    private static SafeFileHandle Open(string path, int flags, int permissions)
    {
        int descriptor = open(Native(path), flags, (uint)permissions);
        Check(descriptor, path);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static byte[] Native(string path)
    {
        byte[] bytes = UnixFileName.Encode(path);
        Array.Resize(ref bytes, bytes.Length + 1);
        return bytes;
    }

    private static void Check(int result, string path)
    {
        if (result < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{Marshal.GetLastPInvokeErrorMessage()}: {Encoding.UTF8.GetString(UnixFileName.Encode(path))}");
    }

    [DllImport("libc", SetLastError = true)] private static extern int statx(int directory, byte[] path, int flags, uint mask, byte[] buffer);
    [DllImport("libc", SetLastError = true)] private static extern IntPtr opendir(byte[] path);
    [DllImport("libc")] private static extern IntPtr readdir(IntPtr directory);
    [DllImport("libc")] private static extern int closedir(IntPtr directory);
    [DllImport("libc", SetLastError = true)] private static extern long readlink(byte[] path, byte[] buffer, long length);
    [DllImport("libc", SetLastError = true)] private static extern long llistxattr(byte[] path, byte[] buffer, long length);
    [DllImport("libc", SetLastError = true)] private static extern long lgetxattr(byte[] path, byte[] name, byte[] buffer, long length);
    [DllImport("libc", SetLastError = true)] private static extern int lsetxattr(byte[] path, byte[] name, byte[] value, long length, int flags);
    [DllImport("libc", SetLastError = true)] private static extern int open(byte[] path, int flags, uint mode);
    [DllImport("libc", SetLastError = true)] private static extern long lseek(SafeFileHandle file, long offset, int whence);
    [DllImport("libc", SetLastError = true)] private static extern int mkdir(byte[] path, uint mode);
    [DllImport("libc", SetLastError = true)] private static extern int symlink(byte[] target, byte[] path);
    [DllImport("libc", SetLastError = true)] private static extern int link(byte[] existing, byte[] path);
    [DllImport("libc", SetLastError = true)] private static extern int mknod(byte[] path, uint mode, ulong device);
    [DllImport("libc", SetLastError = true)] private static extern int unlink(byte[] path);
    [DllImport("libc", SetLastError = true)] private static extern int chmod(byte[] path, uint mode);
    [DllImport("libc", SetLastError = true)] private static extern int lchown(byte[] path, uint user, uint group);
    [DllImport("libc", SetLastError = true)] private static extern int utimensat(int directory, byte[] path, long[] times, int flags);
    [DllImport("libc", SetLastError = true)] private static extern int fallocate(SafeFileHandle file, int mode, long offset, long length);
    [DllImport("libc", SetLastError = true)] private static extern int ftruncate(SafeFileHandle file, long length);
}
