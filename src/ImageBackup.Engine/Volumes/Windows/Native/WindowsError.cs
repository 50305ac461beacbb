using System.ComponentModel;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>Windows' error numbers (winerror.h) and what they mean to users and callers.</summary>
internal static class WindowsError
{
    public const int FileNotFound = 2;
    public const int PathNotFound = 3;
    public const int AccessDenied = 5;
    public const int InvalidDrive = 15;
    public const int WriteProtect = 19;
    public const int NotReady = 21;
    public const int SharingViolation = 32;
    public const int LockViolation = 33;
    public const int HandleEof = 38;
    public const int HandleDiskFull = 39;
    public const int BadNetPath = 53;
    public const int FileExists = 80;
    public const int DiskFull = 112;
    public const int InvalidName = 123;
    public const int AlreadyExists = 183;
    public const int MoreData = 234;
    public const int NoSuchDevice = 433;
    public const int NoMediaInDrive = 1112;
    public const int DeviceNotConnected = 1167;
    public const int DeviceRemoved = 1617;

    public static bool IsSpaceExhausted(int error) => error is DiskFull or HandleDiskFull;

    public static string Describe(int error) => new Win32Exception(error).Message.TrimEnd('.', ' ');

    /// <summary>Why a volume or file could not be opened.</summary>
    public static ImageBackupException Open(int error, string name, bool isDevice) => error switch
    {
        FileNotFound or PathNotFound or InvalidDrive or BadNetPath or InvalidName or NoSuchDevice or DeviceNotConnected or DeviceRemoved =>
            new(ErrorId.VolumeNotFound, $"'{name}' is not there: {Describe(error)}.", name),
        NotReady or NoMediaInDrive => new(ErrorId.VolumeEmpty, $"'{name}' holds no medium.", name),
        SharingViolation or LockViolation => new(ErrorId.VolumeInUse, $"Another program holds '{name}'.", name),
        WriteProtect => new(ErrorId.VolumeAccessDenied, $"'{name}' is read-only.", name),
        AccessDenied when isDevice && !Kernel32.IsUserAnAdmin() =>
            new(ErrorId.NotElevated, $"Only an elevated session may open the volume '{name}'.", name),
        AccessDenied => new(ErrorId.VolumeAccessDenied, $"The system denied access to '{name}'.", name),
        _ => new(ErrorId.ReadFailed, $"'{name}' could not be opened: {Describe(error)} ({error}).", name),
    };

    public static BlockReadException Read(int error, string name, long offsetBytes, long lengthBytes) =>
        new(offsetBytes, lengthBytes, $"'{name}' could not be read at {Number(offsetBytes)}: {Describe(error)} ({Number(error)}).") { IsGone = IsGone(error) };

    /// <summary>ERROR_NOT_READY, ERROR_DEV_NOT_EXIST, ERROR_NETNAME_DELETED, ERROR_FILE_INVALID, ERROR_MEDIA_CHANGED, ERROR_NO_MEDIA_IN_DRIVE, ERROR_DEVICE_NOT_CONNECTED, ERROR_DEVICE_REMOVED.</summary>
    private static bool IsGone(int error) => error is 21 or 55 or 64 or 1006 or 1110 or 1112 or 1167 or 1617;

    public static BlockReadException Short(string name, long offsetBytes, long lengthBytes) =>
        new(offsetBytes, lengthBytes, $"'{name}' ended at {Number(offsetBytes)}, before the length it had when it was opened.") { IsGone = true };

    public static BlockWriteException Write(int error, string name, long offsetBytes, long lengthBytes) =>
        IsSpaceExhausted(error)
            ? new(offsetBytes, lengthBytes, $"'{name}' could not be written at {Number(offsetBytes)}: the disk that holds it is full.")
            { IsSpaceExhausted = true }
            : new(offsetBytes, lengthBytes, $"'{name}' could not be written at {Number(offsetBytes)}: {Describe(error)} ({Number(error)}).");

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
