namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Holds a plain file against others who ask: flock (as .NET and util-linux take it) and an open-file-description
/// lock (as QEMU and libvirt take it). Both are advisory and end with the descriptor.
/// </summary>
internal static class FileLock
{
    /// <summary>False if somebody else holds a lock. A file system without locks (some FUSE ones) holds nobody off.</summary>
    public static bool TryTake(FileDescriptor file, bool isWritable)
    {
        // Who only reads may not set a write lock, but may ask whether one could be set.
        short type = Libc.F_WRLCK;
        if (file.RangeLock(Libc.F_OFD_GETLK, ref type, out _) && type != Libc.F_UNLCK)
            return false;
        type = isWritable ? Libc.F_WRLCK : Libc.F_RDLCK;
        bool isRanged = file.RangeLock(Libc.F_OFD_SETLK, ref type, out int errno);
        if (!isRanged && errno is Errno.EAGAIN or Errno.EACCES)
            return false;
        if (TryWhole(file, out errno))
            return true;
        if (!isRanged || errno != Errno.EAGAIN)
            return errno != Errno.EAGAIN;
        // On network file systems both kinds are one, and it may have been our own lock that stood in the way.
        type = Libc.F_UNLCK;
        file.RangeLock(Libc.F_OFD_SETLK, ref type, out _);
        return TryWhole(file, out _);
    }

    private static bool TryWhole(FileDescriptor file, out int errno)
    {
        if (file.Lock(Libc.LOCK_EX | Libc.LOCK_NB, out errno))
            return true;
        // NFS wants a writable descriptor for an exclusive lock.
        return errno == Errno.EBADF && file.Lock(Libc.LOCK_SH | Libc.LOCK_NB, out errno);
    }
}
