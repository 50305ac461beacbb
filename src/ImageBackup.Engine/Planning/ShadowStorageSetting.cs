using System;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Engine.VolumeSnapshots.Wmi;

namespace ImageBackup.Engine.Planning;

/// <summary>Windows' shadow storage, for Set-SnapshotProvider.</summary>
internal static class ShadowStorageSetting
{
    /// <param name="volume">The volume that is shadowed.</param>
    /// <param name="place">The volume that takes the room; null: where it is now, else the volume itself.</param>
    /// <param name="percent">Of the shadowed volume's size, 1 to 100; null: 100.</param>
    /// <returns>What was done, in words.</returns>
    /// <exception cref="ImageBackupException">ParameterInvalid, SnapshotFailed.</exception>
    public static string Set(VolumeDescription volume, VolumeDescription? place, int? percent)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        var defaults = new SnapshotOptions();
        return new ShadowStorage(new ManagementWmi(), defaults.Timeout).Set(volume, place, percent ?? defaults.CacheSizePercent);
    }
}
