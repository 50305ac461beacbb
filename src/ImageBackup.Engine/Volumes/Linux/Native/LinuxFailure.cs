using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Turns error numbers into what users and callers know.</summary>
internal static class LinuxFailure
{
    public static bool IsRoot => Libc.geteuid() == 0;

    /// <summary>Why a volume could not be opened for reading. EBUSY is the caller's: it knows who is busy.</summary>
    public static ImageBackupException Open(int errno, VolumeDescription volume)
    {
        string name = volume.Name;
        switch (errno)
        {
            case Errno.ENOENT or Errno.ENOTDIR or Errno.ENXIO or Errno.ENODEV:
                return new(ErrorId.VolumeNotFound, $"'{name}' is not there: {Errno.Describe(errno)}.", name);
            case Errno.ENOMEDIUM or Errno.EMEDIUMTYPE:
                return new(ErrorId.VolumeEmpty, $"'{name}' holds no medium.", name);
            case Errno.EBUSY or Errno.ETXTBSY or Errno.EAGAIN:
                return new(ErrorId.VolumeInUse, $"'{name}' is held by another program.", name);
            case Errno.EACCES or Errno.EPERM:
                return AccessDenied(volume.Kind, name);
            case Errno.EROFS:
                return new(ErrorId.VolumeAccessDenied, $"'{name}' is read-only.", name);
            default:
                return new(ErrorId.ReadFailed, $"'{name}' could not be opened: {Errno.Describe(errno)}.", name);
        }
    }

    public static ImageBackupException AccessDenied(VolumeKind kind, string name) =>
        kind == VolumeKind.BlockDevice && !IsRoot
            ? new(ErrorId.NotElevated, $"Only root may open the device '{name}'.", name)
            : new(ErrorId.VolumeAccessDenied, $"The system denied access to '{name}'.", name);

    public static BlockReadException Read(int errno, string name, long offsetBytes, long lengthBytes) =>
        new(offsetBytes, lengthBytes, $"'{name}' could not be read at {Number(offsetBytes)}: {Errno.Describe(errno)}.") { IsGone = Errno.IsGone(errno) };

    public static BlockReadException Short(string name, long offsetBytes, long lengthBytes) =>
        new(offsetBytes, lengthBytes, $"'{name}' ended at {Number(offsetBytes)}, before the length it had when it was opened.") { IsGone = true };

    public static BlockWriteException Write(int errno, string name, long offsetBytes, long lengthBytes) =>
        Errno.IsSpaceExhausted(errno)
            ? new(offsetBytes, lengthBytes,
                $"'{name}' could not be written at {Number(offsetBytes)}: the disk that holds it is full ({Errno.Describe(errno)}).")
            { IsSpaceExhausted = true }
            : new(offsetBytes, lengthBytes, $"'{name}' could not be written at {Number(offsetBytes)}: {Errno.Describe(errno)}.");

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
