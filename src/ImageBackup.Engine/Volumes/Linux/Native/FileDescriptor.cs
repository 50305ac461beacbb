using System;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// An open file or device. Every call repeats itself when a signal interrupts it and gives the error number
/// back instead of throwing: what an error means only the caller knows.
/// </summary>
internal sealed unsafe class FileDescriptor : SafeHandle
{
    private const int NoDescriptor = -1;
    private bool _isLocked;

    private FileDescriptor(int descriptor)
        : base(new IntPtr(NoDescriptor), ownsHandle: true) => SetHandle(new IntPtr(descriptor));

    public override bool IsInvalid => handle == new IntPtr(NoDescriptor);

    /// <summary>Null if the file could not be opened. Always closed on exec.</summary>
    public static FileDescriptor? Open(string path, int flags, out int errno, uint mode = 0)
    {
        byte[] native = LinuxPath.ToNative(path);
        using PendingCall call = PendingCalls.Enter(path);
        while (true)
        {
            int descriptor = Libc.open(native, flags | Libc.O_CLOEXEC | Libc.O_NOCTTY, mode);
            if (descriptor >= 0)
            {
                errno = 0;
                return new FileDescriptor(descriptor);
            }
            errno = Marshal.GetLastWin32Error();
            if (errno != Errno.EINTR)
                return null;
        }
    }

    /// <summary>Where this process finds what is open here, to open it anew.</summary>
    public string ProcessPath => $"/proc/self/fd/{handle}";

    /// <summary>Bytes read, 0 at the end, -1 on an error.</summary>
    public int Read(long offsetBytes, Span<byte> buffer, out int errno)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                nint count = Libc.pread(this, pointer, (nuint)buffer.Length, offsetBytes);
                errno = count >= 0 ? 0 : Marshal.GetLastWin32Error();
                if (errno != Errno.EINTR)
                    return (int)count;
            }
        }
    }

    /// <summary>Bytes written, -1 on an error.</summary>
    public int Write(long offsetBytes, ReadOnlySpan<byte> buffer, out int errno)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                nint count = Libc.pwrite(this, pointer, (nuint)buffer.Length, offsetBytes);
                errno = count >= 0 ? 0 : Marshal.GetLastWin32Error();
                if (errno != Errno.EINTR)
                    return (int)count;
            }
        }
    }

    public bool Sync(out int errno) => Repeat(Libc.fsync(this), out errno) || (errno == Errno.EINTR && Sync(out errno));

    public bool Truncate(long lengthBytes, out int errno) =>
        Repeat(Libc.ftruncate(this, lengthBytes), out errno) || (errno == Errno.EINTR && Truncate(lengthBytes, out errno));

    public bool Allocate(int mode, long offsetBytes, long lengthBytes, out int errno) =>
        Repeat(Libc.fallocate(this, mode, offsetBytes, lengthBytes), out errno)
        || (errno == Errno.EINTR && Allocate(mode, offsetBytes, lengthBytes, out errno));

    /// <summary>The new position, -1 on an error. Positions are used by nothing else here.</summary>
    public long Seek(long offsetBytes, int whence, out int errno)
    {
        long position = Libc.lseek(this, offsetBytes, whence);
        errno = position >= 0 ? 0 : Marshal.GetLastWin32Error();
        return position;
    }

    public bool Control(ulong request, out int errno) =>
        Repeat(Libc.ioctl(this, (nuint)request, null), out errno) || (errno == Errno.EINTR && Control(request, out errno));

    public bool Control(ulong request, out int value, out int errno)
    {
        int result = 0;
        bool done = Repeat(Libc.ioctl(this, (nuint)request, &result), out errno);
        value = result;
        return done;
    }

    public bool Control(ulong request, out long value, out int errno)
    {
        long result = 0;
        bool done = Repeat(Libc.ioctl(this, (nuint)request, &result), out errno);
        value = result;
        return done;
    }

    /// <summary>The calls that take a range as two 64-bit numbers: BLKDISCARD, BLKZEROOUT.</summary>
    public bool ControlRange(ulong request, long offsetBytes, long lengthBytes, out int errno)
    {
        ulong* range = stackalloc ulong[2];
        range[0] = (ulong)offsetBytes;
        range[1] = (ulong)lengthBytes;
        while (!Repeat(Libc.ioctl(this, (nuint)request, range), out errno))
        {
            if (errno != Errno.EINTR)
                return false;
        }
        return true;
    }

    /// <summary>Asks the kernel to begin writing a range's dirty pages, without waiting. A hint: what fails here fails in the sync too.</summary>
    public void BeginWriteback(long offsetBytes, long lengthBytes) =>
        _ = Libc.sync_file_range(this, offsetBytes, lengthBytes, Libc.SYNC_FILE_RANGE_WRITE);

    /// <summary>
    /// Waits until what was dirty when it was called has been written, without flushing the disk's own cache. False with an
    /// errno if that failed; the kernel tells it once, so the next sync may not.
    /// </summary>
    public bool AwaitWriteback(out int errno) => Repeat(
        Libc.sync_file_range(this, 0, 0, Libc.SYNC_FILE_RANGE_WAIT_BEFORE | Libc.SYNC_FILE_RANGE_WRITE | Libc.SYNC_FILE_RANGE_WAIT_AFTER), out errno);

    public void AdviseSequential() => _ = Libc.posix_fadvise(this, 0, 0, Libc.POSIX_FADV_SEQUENTIAL);

    /// <summary>Drops the unused pages of the page cache. Dirty pages stay.</summary>
    public void DropCache() => DropCache(0, 0);

    /// <summary>The same for a range; a length of 0 is all from the offset on.</summary>
    public void DropCache(long offsetBytes, long lengthBytes) =>
        _ = Libc.posix_fadvise(this, offsetBytes, lengthBytes, Libc.POSIX_FADV_DONTNEED);

    public bool Lock(int operation, out int errno)
    {
        _isLocked = true;
        return Repeat(Libc.flock(this, operation), out errno);
    }

    /// <summary>
    /// For F_OFD_GETLK the type comes back as F_UNLCK if nobody's lock stands in the way. Ranges are the
    /// whole file.
    /// </summary>
    public bool RangeLock(int command, ref short type, out int errno)
    {
        _isLocked = true;
        var fileLock = new Libc.FileLock { Type = type };
        bool done = Repeat(Libc.fcntl(this, command, ref fileLock), out errno);
        type = fileLock.Type;
        return done;
    }

    protected override bool ReleaseHandle()
    {
        // Closing would do, were it not for a child process that was just forked and has the descriptor until it
        // executes its program: the locks would outlive us by that moment.
        if (_isLocked)
        {
            _ = Libc.flock(handle, Libc.LOCK_UN);
            var all = new Libc.FileLock { Type = Libc.F_UNLCK };
            _ = Libc.fcntl(handle, Libc.F_OFD_SETLK, ref all);
        }
        return Libc.close(handle) == 0;
    }

    private static bool Repeat(int result, out int errno)
    {
        errno = result >= 0 ? 0 : Marshal.GetLastWin32Error();
        return result >= 0;
    }
}
