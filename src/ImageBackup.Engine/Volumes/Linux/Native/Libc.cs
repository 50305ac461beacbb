using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// The C library's calls as they are. For 64-bit processes only: off_t, size_t and long are 64 bits wide there.
/// Paths are UTF-8 bytes ending in 0 (<see cref="Path"/>).
/// </summary>
internal static unsafe class Libc
{
    private const string Library = "libc";

    // fcntl.h; equal on x64, arm64, riscv64 and loongarch64
    public const int O_RDONLY = 0x0;
    public const int O_RDWR = 0x2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_NONBLOCK = 0x800;

    /// <summary>Of x64, riscv64 and loongarch64; arm64 has its own.</summary>
    public static readonly int O_DIRECT = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;

    /// <summary>Of x64, riscv64 and loongarch64; arm64 has its own.</summary>
    public static readonly int O_NOFOLLOW = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
    public const int O_CLOEXEC = 0x80000;
    public const int F_OFD_GETLK = 36;
    public const int F_OFD_SETLK = 37;
    public const short F_RDLCK = 0;
    public const short F_WRLCK = 1;
    public const short F_UNLCK = 2;
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int LOCK_UN = 8;
    public const int AT_FDCWD = -100;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int SEEK_DATA = 3;
    public const int SEEK_HOLE = 4;
    public const int POSIX_FADV_SEQUENTIAL = 2;
    public const int POSIX_FADV_DONTNEED = 4;
    public const int W_OK = 2;
    public const uint RENAME_NOREPLACE = 1;

    // linux/mount.h
    public const ulong MS_RDONLY = 1;
    public const ulong MS_NOSUID = 2;
    public const ulong MS_NODEV = 4;
    public const ulong MS_NOEXEC = 8;
    public const ulong MS_SYNCHRONOUS = 16;
    public const ulong MS_REMOUNT = 32;
    public const ulong MS_MANDLOCK = 64;
    public const ulong MS_NOSYMFOLLOW = 256;
    public const ulong MS_BIND = 4096;
    public const ulong MS_LAZYTIME = 1 << 25;

    // linux/falloc.h
    public const int FALLOC_FL_KEEP_SIZE = 0x1;
    public const int FALLOC_FL_PUNCH_HOLE = 0x2;
    public const int FALLOC_FL_ZERO_RANGE = 0x10;

    // linux/fs.h, by asm-generic/ioctl.h
    public const ulong BLKROGET = 0x125E;
    public const ulong BLKRRPART = 0x125F;
    public const ulong BLKFLSBUF = 0x1261;
    public const ulong BLKSSZGET = 0x1268;
    public const ulong BLKDISCARD = 0x1277;
    public const ulong BLKZEROOUT = 0x127F;
    public const ulong BLKGETSIZE64 = 0x80081272;
    public const ulong BLKGETDISKSEQ = 0x80081280;

    [DllImport(Library, SetLastError = true)]
    public static extern int open(byte[] path, int flags, uint mode);

    [DllImport(Library, SetLastError = true)]
    public static extern int close(IntPtr descriptor);

    [DllImport(Library, SetLastError = true)]
    public static extern nint pread(FileDescriptor descriptor, byte* buffer, nuint count, long offset);

    [DllImport(Library, SetLastError = true)]
    public static extern nint pwrite(FileDescriptor descriptor, byte* buffer, nuint count, long offset);

    [DllImport(Library, SetLastError = true)]
    public static extern int fsync(FileDescriptor descriptor);

    [DllImport(Library, SetLastError = true)]
    public static extern int ftruncate(FileDescriptor descriptor, long length);

    [DllImport(Library, SetLastError = true)]
    public static extern int fallocate(FileDescriptor descriptor, int mode, long offset, long length);

    [DllImport(Library, SetLastError = true)]
    public static extern long lseek(FileDescriptor descriptor, long offset, int whence);

    public const uint SYNC_FILE_RANGE_WAIT_BEFORE = 1;
    public const uint SYNC_FILE_RANGE_WRITE = 2;
    public const uint SYNC_FILE_RANGE_WAIT_AFTER = 4;

    [DllImport(Library)]
    public static extern int sync_file_range(FileDescriptor descriptor, long offset, long length, uint flags);

    [DllImport(Library)]
    public static extern int posix_fadvise(FileDescriptor descriptor, long offset, long length, int advice);

    [DllImport(Library, SetLastError = true)]
    public static extern int ioctl(FileDescriptor descriptor, nuint request, void* argument);

    [DllImport(Library, SetLastError = true)]
    public static extern int flock(FileDescriptor descriptor, int operation);

    [DllImport(Library, SetLastError = true)]
    public static extern int flock(IntPtr descriptor, int operation);

    [DllImport(Library, SetLastError = true)]
    public static extern int fcntl(FileDescriptor descriptor, int command, ref FileLock argument);

    [DllImport(Library, SetLastError = true)]
    public static extern int fcntl(IntPtr descriptor, int command, ref FileLock argument);

    /// <summary>Needs glibc 2.28 or musl 1.2.5; its structure is the same on every processor, which stat's is not.</summary>
    [DllImport(Library, SetLastError = true)]
    public static extern int statx(int directory, byte[] path, int flags, uint mask, byte* result);

    [DllImport(Library, SetLastError = true)]
    public static extern int statx(FileDescriptor descriptor, byte[] path, int flags, uint mask, byte* result);

    [DllImport(Library, SetLastError = true)]
    public static extern int access(byte[] path, int mode);

    /// <summary>The buffer must hold PATH_MAX (4096) bytes.</summary>
    [DllImport(Library, SetLastError = true)]
    public static extern IntPtr realpath(byte[] path, byte[] resolved);

    [DllImport(Library, SetLastError = true)]
    public static extern int rename(byte[] from, byte[] to);

    /// <summary>Needs glibc 2.28.</summary>
    [DllImport(Library, SetLastError = true)]
    public static extern int renameat2(int fromDirectory, byte[] from, int toDirectory, byte[] to, uint flags);

    [DllImport(Library, SetLastError = true)]
    public static extern int link(byte[] from, byte[] to);

    [DllImport(Library, SetLastError = true)]
    public static extern int unlink(byte[] path);

    [DllImport(Library, SetLastError = true)]
    public static extern nint readlink(byte[] path, byte[] buffer, nuint size);

    [DllImport(Library, SetLastError = true)]
    public static extern int mount(byte[]? source, byte[] target, byte[]? fileSystem, nuint flags, byte[]? data);

    public const int MADV_HUGEPAGE = 14;

    /// <returns>An error number, or 0.</returns>
    [DllImport(Library)]
    public static extern int posix_memalign(out IntPtr memory, nuint alignment, nuint size);

    [DllImport(Library)]
    public static extern void free(IntPtr memory);

    [DllImport(Library)]
    public static extern int madvise(IntPtr memory, nuint length, int advice);

    [DllImport(Library)]
    public static extern uint geteuid();

    /// <summary>struct flock as 64-bit Linux has it; the owner must be 0 for locks of an open file description.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Owner;
    }
}
