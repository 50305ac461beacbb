using System.ComponentModel;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Linux error numbers (asm-generic/errno.h); the same on every processor that .NET runs on.</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int EBADF = 9;
    public const int EAGAIN = 11;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int ENOTDIR = 20;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENOTTY = 25;
    public const int ETXTBSY = 26;
    public const int EFBIG = 27;
    public const int ENOSPC = 28;
    public const int EROFS = 30;
    public const int ENOSYS = 38;
    public const int ELOOP = 40;
    public const int EOPNOTSUPP = 95;
    public const int EDQUOT = 122;
    public const int ESHUTDOWN = 108;
    public const int ESTALE = 116;
    public const int ENOMEDIUM = 123;
    public const int EMEDIUMTYPE = 124;

    /// <summary>The C library's words for it.</summary>
    public static string Describe(int errno) => new Win32Exception(errno).Message;

    /// <summary>The call is not there, or not for this kind of file.</summary>
    public static bool IsUnsupported(int errno) => errno is EOPNOTSUPP or ENOTTY or EINVAL or ENOSYS;

    /// <summary>The device or file behind a descriptor is not there any more.</summary>
    public static bool IsGone(int errno) => errno is ENXIO or ENODEV or ENOMEDIUM or EMEDIUMTYPE or ESTALE or ESHUTDOWN or EBADF;

    public static bool IsSpaceExhausted(int errno) => errno is ENOSPC or EDQUOT;
}
