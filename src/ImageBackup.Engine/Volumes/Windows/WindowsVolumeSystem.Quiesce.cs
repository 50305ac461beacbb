using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.Volumes.Windows.InUse;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

internal sealed partial class WindowsVolumeSystem
{
    public IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths)
    {
        if (volume.Kind == VolumeKind.File)
            return new ExclusiveVolume(OpenRead(volume, VolumeOpenMode.Exclusive));
        // Asked again: the description may be old.
        VolumeDescription current = Find(volume.Name);
        if (WhyNeeded(current, neededPaths) is { } why)
            throw new ImageBackupException(ErrorId.VolumeNeeded, $"'{current.Name}' cannot be locked for a static image: {why}.", current.Name);
        string name = current.Name;
        // Dirty data is flushed before the lock does it: the less there is to do, the shorter everybody else waits for it.
        _ = FlushVolume(current.DevicePath);
        WindowsHandle handle = WindowsHandle.Open(current.DevicePath, Kernel32.GENERIC_READ,
            Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE, Kernel32.OPEN_EXISTING, 0, out int error)
            ?? throw WindowsError.Open(error, name, isDevice: true);
        QuiescedVolume? quiesced = null;
        try
        {
            quiesced = QuiescedVolume.Take(handle, name, () => VolumeUsers.Of(current.MountPoints));
            int sectorBytes = VolumeGeometry.SectorSize(handle) ?? current.SectorSizeBytes;
            var reader = new WindowsVolumeReader(handle, current, sectorBytes, opened => Length(opened, name, sectorBytes));
            if (reader.LengthBytes == 0)
                throw new ImageBackupException(ErrorId.VolumeEmpty, $"'{name}' has a length of 0 bytes.", name);
            quiesced.Reads(reader);
            return quiesced;
        }
        catch (Exception e)
        {
            quiesced?.Dispose();
            handle.Dispose();
            if (e is BlockReadException)
                throw new ImageBackupException(ErrorId.ReadFailed, e.Message, name, e);
            throw;
        }
    }

    /// <summary>Windows drops a lock with the handle: a killed run leaves none.</summary>
    public IReadOnlyList<LeftVolume> FindLeftQuiesced() => [];

    public IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null) => [];

    public string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths)
    {
        if (volume.Kind == VolumeKind.File)
            return null;
        if (volume.IsSystem)
            return "the running system is on it";
        if (neededPaths.FirstOrDefault(path => IsUnder(path, volume)) is { } needed)
            return $"'{needed}' is on it";
        if (IsUnder(Path.GetTempPath(), volume))
            return "the temporary files are on it";
        return IsUnder(AppContext.BaseDirectory, volume) ? "the running program is on it" : null;
    }

    private bool IsUnder(string path, VolumeDescription volume) => VolumesUnder(path).Any(under =>
        string.Equals(under, volume.Name, StringComparison.OrdinalIgnoreCase) || volume.Aliases.Contains(under, StringComparer.OrdinalIgnoreCase));
}
