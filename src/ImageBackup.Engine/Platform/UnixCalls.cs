using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform;

/// <summary>The C library's calls on files below the layers that know volumes, and what their answers mean in System.IO's terms. Linux.</summary>
internal static partial class UnixCalls
{
    // fcntl.h; equal on x64, arm64, riscv64 and loongarch64.
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int CreateNew = 0xC0;
    public const int NoControllingTerminal = 0x100;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int PathOnly = 0x200000;
    private const int SetFlags = 4;

    // Not equal: arm and PowerPC have numbers of their own.
    public static readonly int DirectoryOnly = HasOwnNumbers ? 0x4000 : 0x10000;
    public static readonly int NoFollow = HasOwnNumbers ? 0x8000 : 0x20000;

    public const int NotPermitted = 1, NotThere = 2, Interrupted = 4, NoSuchDevice = 6, AccessDenied = 13, Exists = 17, NotADirectory = 20, Invalid = 22,
        NotImplemented = 38, TooManyLinks = 40, NotSupported = 95;

    public const int RegularType = 0x8000, LinkType = 0xA000, DirectoryType = 0x4000;
    public const uint NoReplace = 1;
    private const int TypeMask = 0xF000;

    // struct statx of linux/stat.h.
    private const int StatusBytes = 256;
    private const int StatusModeOffset = 28;
    private const uint StatusTypeMask = 1;
    private const int EmptyPath = 0x1000;
    /// <summary>AT_SYMLINK_NOFOLLOW.</summary>
    public const int NoFollowStatus = 0x100;
    private const int PathMaxBytes = 4096;

    /// <summary>ppc64le is 8; the name is not in netstandard2.0.</summary>
    private static bool HasOwnNumbers => RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64 || (int)RuntimeInformation.ProcessArchitecture == 8;

    /// <summary>UTF-8 with the ending 0.</summary>
    public static byte[] Native(string path) => Encoding.UTF8.GetBytes(path + "\0");

    /// <summary>Repeats a call that a signal interrupted.</summary>
    public static int Retry(Func<int> call)
    {
        while (true)
        {
            int result = call();
            if (result >= 0 || Marshal.GetLastWin32Error() != Interrupted)
                return result;
        }
    }

    /// <summary>The type bits of an open file's mode; 0 if the system does not say.</summary>
    public static int TypeOf(int descriptor) => Status(descriptor, [0], EmptyPath);

    /// <summary>The type bits of what a name in a directory means, a link not followed; 0 if nothing is there.</summary>
    public static int TypeOf(int directory, string name) => Status(directory, Native(name), NoFollowStatus);

    /// <summary>The same, of a name as bytes with the ending 0.</summary>
    public static int TypeOf(int directory, byte[] name) => Status(directory, name, NoFollowStatus);

    private static int Status(int descriptor, byte[] name, int flags)
    {
        byte[] status = new byte[StatusBytes];
        return statx(descriptor, name, flags, StatusTypeMask, status) == 0 ? BitConverter.ToUInt16(status, StatusModeOffset) & TypeMask : 0;
    }

    public static string TypeName(int type) => type switch
    {
        0x1000 => "a pipe",
        0x2000 => "a character device",
        DirectoryType => "a directory",
        0x6000 => "a block device",
        RegularType => "a regular file",
        LinkType => "a symbolic link",
        0xC000 => "a socket",
        _ => "something unknown",
    };

    /// <summary>Where a link leads; null if it is none.</summary>
    public static string? LinkTarget(int directory, string name)
    {
        byte[] buffer = new byte[PathMaxBytes];
        long lengthBytes = (long)readlinkat(directory, Native(name), buffer, (UIntPtr)buffer.Length);
        return lengthBytes > 0 ? Encoding.UTF8.GetString(buffer, 0, (int)lengthBytes) : null;
    }

    /// <summary>A failed call as System.IO would tell it; the HResult is the errno.</summary>
    public static Exception Failure(int error, string path)
    {
        var failure = new IOException($"'{path}': {new System.ComponentModel.Win32Exception(error).Message} (errno {error}).", error);
        return error switch
        {
            NotThere => new FileNotFoundException($"There is no file '{path}'.", path),
            NotADirectory => new DirectoryNotFoundException($"A directory on the way to '{path}' is missing."),
            AccessDenied or NotPermitted => new UnauthorizedAccessException($"Access to '{path}' is denied.", failure),
            _ => failure,
        };
    }

    /// <summary>A stream over an open regular file, for reading. Takes the handle over.</summary>
    public static FileStream ReadStream(SafeFileHandle handle)
    {
        int descriptor = handle.DangerousGetHandle().ToInt32();
        // It was opened so that nothing waits; the runtime would take it for a handle of asynchronous calls.
        _ = fcntl(descriptor, SetFlags, 0);
        return StreamOver(handle);
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    public static extern int open(byte[] path, int flags, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int openat(int directory, byte[] path, int flags, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int close(int descriptor);

    [DllImport("libc", SetLastError = true)]
    public static extern int unlinkat(int directory, byte[] name, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int renameat2(int fromDirectory, byte[] from, int toDirectory, byte[] to, uint flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int renameat(int fromDirectory, byte[] from, int toDirectory, byte[] to);

    [DllImport("libc", SetLastError = true)]
    public static extern int linkat(int fromDirectory, byte[] from, int toDirectory, byte[] to, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int mkdirat(int directory, byte[] name, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int symlinkat(byte[] target, int directory, byte[] name);

    [DllImport("libc", SetLastError = true)]
    public static extern IntPtr pwrite(int descriptor, byte[] buffer, UIntPtr countBytes, long offsetBytes);

    [DllImport("libc", SetLastError = true)]
    public static extern int ftruncate(int descriptor, long lengthBytes);

    [DllImport("libc", SetLastError = true)]
    public static extern int fchmod(int descriptor, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int fchown(int descriptor, uint user, uint group);

    [DllImport("libc", SetLastError = true)]
    public static extern int futimens(int descriptor, IntPtr[] times);

    [DllImport("libc", SetLastError = true)]
    public static extern int utimensat(int directory, byte[] name, IntPtr[] times, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int fchownat(int directory, byte[] name, uint user, uint group, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int fsetxattr(int descriptor, byte[] name, byte[] value, UIntPtr sizeBytes, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fcntl(int descriptor, int command, int argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int statx(int directory, byte[] path, int flags, uint mask, byte[] result);

    [DllImport("libc", SetLastError = true)]
    private static extern IntPtr readlinkat(int directory, byte[] path, byte[] buffer, UIntPtr sizeBytes);
#pragma warning restore IDE1006
}
