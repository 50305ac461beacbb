using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>A plain file as a restore's target, on Windows. Nobody else may open it meanwhile.</summary>
internal sealed class WindowsFileTarget : FileTarget
{
    private readonly string? _temporaryPath;
    private readonly bool _replaceExisting;

    private WindowsFileTarget(string path, string? temporaryPath, bool replaceExisting, WindowsHandle handle)
        : base(path, WindowsBlockWriter.ForFile(handle, path), temporaryPath is not null)
    {
        _temporaryPath = temporaryPath;
        _replaceExisting = replaceExisting;
    }

    public static WindowsFileTarget Create(string path, long lengthBytes, bool replaceExisting)
    {
        if (Directory.Exists(path))
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' is a directory.", path);
        if (!replaceExisting && System.IO.File.Exists(path))
            throw new ImageBackupException(ErrorId.TargetExists, $"The file '{path}' exists.", path);
        RemoveLeftOvers(path);
        string temporaryPath = NewTemporaryPath(path);
        WindowsHandle handle = Open(temporaryPath, Kernel32.CREATE_NEW, out int error) ?? throw CannotCreate(error, path);
        try
        {
            Prepare(handle, path, lengthBytes);
            return new WindowsFileTarget(path, temporaryPath, replaceExisting, handle);
        }
        catch
        {
            handle.Dispose();
            Kernel32.DeleteFileW(temporaryPath);
            throw;
        }
    }

    public static WindowsFileTarget Open(string path, long lengthBytes)
    {
        WindowsHandle handle = OpenInPlace(path);
        try
        {
            Prepare(handle, path, lengthBytes);
            return new WindowsFileTarget(path, null, false, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Opens a plain file for writing, exclusively; nothing is changed yet.</summary>
    public static WindowsHandle OpenInPlace(string path)
    {
        if (Directory.Exists(path))
            throw new ImageBackupException(ErrorId.TargetInvalid, $"'{path}' is a directory.", path);
        return Open(path, Kernel32.OPEN_EXISTING, out int error) ?? throw (error switch
        {
            WindowsError.FileNotFound => new ImageBackupException(ErrorId.VolumeNotFound, $"The file '{path}' does not exist.", path),
            WindowsError.SharingViolation or WindowsError.LockViolation =>
                new ImageBackupException(ErrorId.TargetInUse, $"Another program holds '{path}'.", path),
            _ => CannotCreate(error, path),
        });
    }

    private protected override void Publish()
    {
        // Windows renames no file that is open without the right to delete it; the lock ends a moment early.
        File.Dispose();
        uint flags = Kernel32.MOVEFILE_WRITE_THROUGH | (_replaceExisting ? Kernel32.MOVEFILE_REPLACE_EXISTING : 0);
        if (Kernel32.MoveFileExW(_temporaryPath!, Path, flags))
            return;
        int error = Marshal.GetLastWin32Error();
        throw error is WindowsError.AlreadyExists or WindowsError.FileExists
            ? new ImageBackupException(ErrorId.TargetExists, $"Another program created '{Path}' during the restore.", Path)
            : new ImageBackupException(ErrorId.WriteFailed,
                $"The restored file could not be named '{Path}': {WindowsError.Describe(error)}.", Path);
    }

    private protected override void RemoveTemporary()
    {
        File.Dispose();
        Kernel32.DeleteFileW(_temporaryPath!);
    }

    /// <summary>Temporary files of this destination; those that somebody still has open cannot be removed.</summary>
    private static void RemoveLeftOvers(string path)
    {
        try
        {
            foreach (string file in Directory.EnumerateFiles(System.IO.Path.GetDirectoryName(path) ?? "."))
            {
                if (IsTemporaryName(System.IO.Path.GetFileName(file), path))
                    Kernel32.DeleteFileW(file);
            }
        }
        catch (IOException)
        {
            // Creating the file in the same directory will say what is wrong with it.
        }
        catch (System.UnauthorizedAccessException)
        {
            // As above.
        }
    }

    private static WindowsHandle? Open(string path, uint creation, out int error) => WindowsHandle.Open(
        path, Kernel32.GENERIC_READ | Kernel32.GENERIC_WRITE, 0, creation, 0, out error);

    private static void Prepare(WindowsHandle handle, string path, long lengthBytes)
    {
        // Without it the file is merely not sparse.
        handle.Control(Kernel32.FSCTL_SET_SPARSE, out _);
        if (handle.FileLength(out _) == lengthBytes || handle.SetFileLength(lengthBytes, out int error))
            return;
        throw WindowsError.IsSpaceExhausted(error)
            ? new ImageBackupException(ErrorId.WriteFailed, $"'{path}' could not be created: the disk is full.", path)
            : new ImageBackupException(ErrorId.TargetInvalid,
                $"The file system of '{path}' cannot hold a file of {lengthBytes} bytes: {WindowsError.Describe(error)}.", path);
    }

    private static ImageBackupException CannotCreate(int error, string path) => error switch
    {
        WindowsError.AccessDenied =>
            new(ErrorId.VolumeAccessDenied, $"The system denied writing '{path}'.", path)
            { RecommendedAction = "Name a place where this user may create files." },
        WindowsError.PathNotFound => new(ErrorId.TargetInvalid, $"The directory of '{path}' does not exist.", path),
        WindowsError.WriteProtect => new(ErrorId.TargetInvalid, $"The volume of '{path}' is read-only.", path),
        WindowsError.DiskFull or WindowsError.HandleDiskFull =>
            new(ErrorId.WriteFailed, $"'{path}' could not be created: the disk is full.", path),
        _ => new(ErrorId.TargetInvalid, $"'{path}' could not be created: {WindowsError.Describe(error)}.", path),
    };
}
