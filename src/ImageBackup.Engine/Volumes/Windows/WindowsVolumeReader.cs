using System;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>Reads an open volume, and can ask its driver what is in use.</summary>
internal sealed class WindowsVolumeReader(
    WindowsHandle handle, VolumeDescription volume, int sectorSizeBytes, Func<WindowsHandle, long> queryLength)
    : WindowsBlockReader(handle, volume.Name, sectorSizeBytes, sectorSizeBytes, queryLength), IVolumeBitmapSource, IFlushedReader
{
    public bool IsFlushed { get; init; }

    public VolumeBitmap? QueryUsedMap() =>
        WindowsVolumeBitmap.Query(Handle, volume.MountedFileSystem, SectorSizeBytes, LengthBytes, ClusterSizeOfFileSystem);

    /// <summary>As the file system tells it (GetDiskFreeSpace); 0 if it does not.</summary>
    private long ClusterSizeOfFileSystem() =>
        volume.MountPoints.Count > 0
        && Kernel32.GetDiskFreeSpaceW(volume.MountPoints[0], out uint sectorsPerCluster, out uint bytesPerSector, out _, out _)
            ? (long)sectorsPerCluster * bytesPerSector
            : 0;
}
