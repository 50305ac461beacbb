using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Linux;
using ImageBackup.Engine.Volumes.Windows;

namespace ImageBackup.Engine.Volumes;

/// <summary>Gives the running system's volumes.</summary>
internal static class VolumeSystem
{
    /// <exception cref="ImageBackupException">NotSupported: neither Windows nor 64-bit Linux.</exception>
    public static IVolumeSystem Current => s_current ??= Create();

    private static IVolumeSystem? s_current;

    private static IVolumeSystem Create()
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return new WindowsVolumeSystem();
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
            return new LinuxVolumeSystem();
        throw new ImageBackupException(ErrorId.NotSupported, "Volumes can be imaged on Windows and Linux only.");
    }
}
