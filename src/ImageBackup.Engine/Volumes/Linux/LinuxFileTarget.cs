using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Linux.InUse;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux;

/// <summary>A plain file as a restore's target, on Linux.</summary>
internal sealed class LinuxFileTarget : FileTarget
{
    private const uint OwnerOnly = 0x180; // rw-------
    private const int MaxAttempts = 16;
    private readonly string? _temporaryPath;
    private readonly bool _replaceExisting;

    private LinuxFileTarget(string path, string? temporaryPath, bool replaceExisting, FileDescriptor descriptor)
        : base(path, new LinuxBlockWriter(descriptor, path, isDevice: false), temporaryPath is not null)
    {
        _temporaryPath = temporaryPath;
        _replaceExisting = replaceExisting;
    }

    public static LinuxFileTarget Create(string path, long lengthBytes, bool replaceExisting)
    {
        if (FileStatus.OfPath(path, out int errno) is { } existing)
        {
            if (!existing.IsRegularFile)
                throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' exists and is not a plain file.", path);
            if (!replaceExisting)
                throw new ImageBackupException(ErrorId.TargetExists, $"The file '{path}' exists.", path);
        }
        else if (errno != Errno.ENOENT)
        {
            throw CannotCreate(errno, path);
        }
        RemoveLeftOvers(path);
        (FileDescriptor file, string temporaryPath) = CreateTemporary(path);
        try
        {
            SetLength(file, path, lengthBytes);
            return new LinuxFileTarget(path, temporaryPath, replaceExisting, file);
        }
        catch
        {
            _ = Libc.unlink(LinuxPath.ToNative(temporaryPath));
            file.Dispose();
            throw;
        }
    }

    public static LinuxFileTarget Open(string path, long lengthBytes)
    {
        FileDescriptor file = OpenInPlace(path);
        try
        {
            SetLength(file, path, lengthBytes);
            return new LinuxFileTarget(path, null, false, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a plain file for writing, exclusively; nothing is changed yet.</summary>
    public static FileDescriptor OpenInPlace(string path)
    {
        FileDescriptor file = FileDescriptor.Open(path, Libc.O_RDWR | Libc.O_NONBLOCK, out int errno)
            ?? throw (errno switch
            {
                Errno.ENOENT => new ImageBackupException(ErrorId.VolumeNotFound, $"The file '{path}' does not exist.", path),
                Errno.ETXTBSY => FileUse.SwapOrProgram(path),
                _ => CannotCreate(errno, path),
            });
        try
        {
            if (FileStatus.OfDescriptor(file, out _) is not { IsRegularFile: true } status)
                throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' is not a plain file.", path);
            FileUse.RequireFreeTarget(file, path, status);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private protected override void Publish()
    {
        byte[] from = LinuxPath.ToNative(_temporaryPath!);
        byte[] to = LinuxPath.ToNative(Path);
        int errno = _replaceExisting ? Rename(from, to) : RenameToNewName(from, to);
        if (errno == Errno.EEXIST)
            throw new ImageBackupException(ErrorId.TargetExists, $"Another program created '{Path}' during the restore.", Path);
        if (errno != 0)
        {
            throw new ImageBackupException(ErrorId.WriteFailed,
                $"The restored file could not be named '{Path}': {Errno.Describe(errno)}.", Path);
        }
        // The name is durable once its directory is. Some file systems cannot sync one; then there is no more to do.
        using FileDescriptor? directory = FileDescriptor.Open(LinuxPath.DirectoryOf(Path), Libc.O_RDONLY, out _);
        if (directory is not null && !directory.Sync(out errno) && !Errno.IsUnsupported(errno) && errno != Errno.EBADF)
        {
            throw new ImageBackupException(ErrorId.WriteFailed,
                $"The directory of '{Path}' could not be made durable: {Errno.Describe(errno)}.", Path);
        }
    }

    private protected override void RemoveTemporary() => _ = Libc.unlink(LinuxPath.ToNative(_temporaryPath!));

    private static (FileDescriptor File, string Path) CreateTemporary(string path)
    {
        int errno = Errno.EEXIST;
        for (int attempt = 0; attempt < MaxAttempts && errno == Errno.EEXIST; attempt++)
        {
            string temporaryPath = NewTemporaryPath(path);
            FileDescriptor? file = FileDescriptor.Open(
                temporaryPath, Libc.O_RDWR | Libc.O_CREAT | Libc.O_EXCL, out errno, OwnerOnly);
            if (file is null)
                continue;
            // Between creating and locking, another process may have taken it for a left-over and removed it.
            bool isOurs = FileLock.TryTake(file, isWritable: true)
                && FileStatus.OfPath(temporaryPath) is { } named
                && FileStatus.OfDescriptor(file, out _) is { } opened && named.IsSameFile(opened);
            if (isOurs)
                return (file, temporaryPath);
            file.Dispose();
            errno = Errno.EEXIST;
        }
        throw CannotCreate(errno, path);
    }

    /// <summary>Temporary files of this destination that no process holds: theirs is gone.</summary>
    private static void RemoveLeftOvers(string path)
    {
        string directory = LinuxPath.DirectoryOf(path);
        foreach (string name in LinuxRoots.Names(directory))
        {
            if (!IsTemporaryName(name, path))
                continue;
            string leftOver = System.IO.Path.Combine(directory, name);
            using FileDescriptor? file = FileDescriptor.Open(leftOver, Libc.O_RDWR | Libc.O_NONBLOCK, out _);
            if (file is not null && FileLock.TryTake(file, isWritable: true))
                _ = Libc.unlink(LinuxPath.ToNative(leftOver));
        }
    }

    private static void SetLength(FileDescriptor file, string path, long lengthBytes)
    {
        if (FileStatus.OfDescriptor(file, out _)?.SizeBytes != lengthBytes && !file.Truncate(lengthBytes, out int errno))
        {
            throw errno is Errno.EFBIG or Errno.EINVAL
                ? new ImageBackupException(ErrorId.TargetInvalid,
                    $"The file system of '{path}' cannot hold a file of {lengthBytes} bytes.", path)
                : CannotCreate(errno, path);
        }
    }

    private static int Rename(byte[] from, byte[] to) => Libc.rename(from, to) == 0 ? 0 : Marshal.GetLastWin32Error();

    /// <summary>Renames without replacing; if the file system cannot, by a second name and removing the first.</summary>
    private static int RenameToNewName(byte[] from, byte[] to)
    {
        if (Libc.renameat2(Libc.AT_FDCWD, from, Libc.AT_FDCWD, to, Libc.RENAME_NOREPLACE) == 0)
            return 0;
        int errno = Marshal.GetLastWin32Error();
        if (!Errno.IsUnsupported(errno))
            return errno;
        if (Libc.link(from, to) == 0)
        {
            _ = Libc.unlink(from);
            return 0;
        }
        errno = Marshal.GetLastWin32Error();
        if (errno is not (Errno.EPERM or Errno.EOPNOTSUPP or Errno.ENOSYS))
            return errno;
        // Neither: the check and the renaming are two steps here.
        return Libc.access(to, 0) == 0 ? Errno.EEXIST : Rename(from, to);
    }

    private static ImageBackupException CannotCreate(int errno, string path) => errno switch
    {
        Errno.EACCES or Errno.EPERM =>
            new(ErrorId.VolumeAccessDenied, $"The system denied writing '{path}'.", path)
            { RecommendedAction = "Name a place where this user may create files." },
        Errno.ENOENT or Errno.ENOTDIR =>
            new(ErrorId.TargetInvalid, $"The directory of '{path}' does not exist.", path),
        Errno.EISDIR => new(ErrorId.TargetInvalid, $"'{path}' is a directory.", path),
        Errno.EROFS => new(ErrorId.TargetInvalid, $"The file system of '{path}' is read-only.", path),
        Errno.ENOSPC or Errno.EDQUOT =>
            new(ErrorId.WriteFailed, $"'{path}' could not be created: the disk is full ({Errno.Describe(errno)}).", path),
        _ => new(ErrorId.TargetInvalid, $"'{path}' could not be created: {Errno.Describe(errno)}.", path),
    };
}
