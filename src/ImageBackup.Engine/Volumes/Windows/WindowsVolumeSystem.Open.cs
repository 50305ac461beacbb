using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.InUse;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

internal sealed partial class WindowsVolumeSystem
{
    private const uint ShareAll = Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE | Kernel32.FILE_SHARE_DELETE;

    public IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode)
    {
        WindowsBlockReader reader = volume.Kind == VolumeKind.File ? OpenFile(volume, mode) : OpenVolume(volume, mode);
        if (reader.LengthBytes > 0)
            return reader;
        reader.Dispose();
        throw new ImageBackupException(ErrorId.VolumeEmpty, $"'{volume.Name}' has a length of 0 bytes.", volume.Name);
    }

    public IBlockWriter OpenTarget(VolumeDescription volume)
    {
        string name = volume.Name;
        if (volume.Kind == VolumeKind.File)
            return WindowsBlockWriter.ForFile(WindowsFileTarget.OpenInPlace(volume.DevicePath), name);
        // Whatever else opens (a physical disk, a kernel name) may be the system's volume by another name.
        if (WindowsVolumeName.Parse(name) is not { Kind: WindowsNameKind.Letter or WindowsNameKind.VolumeGuid })
        {
            throw new ImageBackupException(ErrorId.TargetInvalid,
                $"'{name}' cannot be a target: only volumes can, by letter, mount folder or volume GUID.", name);
        }
        // Asked again: the description may be old.
        VolumeDescription current = Find(name);
        if (current.IsSystem)
            throw new ImageBackupException(ErrorId.TargetIsSystem, $"The running system is on '{name}'.", name);
        WindowsHandle handle = WindowsHandle.Open(current.DevicePath, Kernel32.GENERIC_READ | Kernel32.GENERIC_WRITE,
            Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE, Kernel32.OPEN_EXISTING, 0, out int error)
            ?? throw (error is WindowsError.SharingViolation or WindowsError.LockViolation
                ? QuiescedVolume.InUse(ErrorId.TargetInUse, name, [])
                : WindowsError.Open(error, name, isDevice: true));
        try
        {
            if (!handle.Control(Kernel32.IOCTL_DISK_IS_WRITABLE, out error) && error == WindowsError.WriteProtect)
                throw new ImageBackupException(ErrorId.VolumeAccessDenied, $"'{name}' is write-protected.", name);
            RequireSame(volume, handle, current.Aliases, ErrorId.TargetChanged);
            if (!handle.Control(Kernel32.FSCTL_LOCK_VOLUME, out error))
                throw QuiescedVolume.InUse(ErrorId.TargetInUse, name, VolumeUsers.Of(current.MountPoints));
            // The file system's caches of the old content must go before the new one comes.
            if (!handle.Control(Kernel32.FSCTL_DISMOUNT_VOLUME, out error))
                throw new ImageBackupException(ErrorId.TargetInUse, $"'{name}' could not be dismounted: {WindowsError.Describe(error)}.", name);
            handle.Control(Kernel32.FSCTL_ALLOW_EXTENDED_DASD_IO, out _);
            int sectorBytes = VolumeGeometry.SectorSize(handle) ?? current.SectorSizeBytes;
            return new WindowsBlockWriter(handle, name, sectorBytes, sectorBytes, opened => Length(opened, name, sectorBytes));
        }
        catch (BlockReadException e)
        {
            throw new ImageBackupException(ErrorId.ReadFailed, e.Message, name, e);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static WindowsFileReader OpenFile(VolumeDescription volume, VolumeOpenMode mode)
    {
        uint share = mode == VolumeOpenMode.Exclusive ? Kernel32.FILE_SHARE_READ : ShareAll;
        WindowsHandle handle = WindowsHandle.Open(volume.DevicePath, Kernel32.GENERIC_READ, share,
            Kernel32.OPEN_EXISTING, Kernel32.FILE_FLAG_SEQUENTIAL_SCAN, out int error)
            ?? throw WindowsError.Open(error, volume.Name, isDevice: false);
        return new WindowsFileReader(handle, volume.Name);
    }

    private static WindowsVolumeReader OpenVolume(VolumeDescription volume, VolumeOpenMode mode)
    {
        string name = volume.Name;
        bool isFlushed = mode == VolumeOpenMode.Shared && FlushVolume(volume.DevicePath);
        WindowsHandle handle = WindowsHandle.Open(volume.DevicePath, Kernel32.GENERIC_READ,
            Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE, Kernel32.OPEN_EXISTING, 0, out int error)
            ?? throw WindowsError.Open(error, name, isDevice: true);
        try
        {
            RequireSame(volume, handle, [], ErrorId.VolumeChanged);
            // The lock flushes, and fails while anybody has a file of the volume open.
            if (mode == VolumeOpenMode.Exclusive && !handle.Control(Kernel32.FSCTL_LOCK_VOLUME, out _))
                throw QuiescedVolume.InUse(ErrorId.VolumeInUse, name, VolumeUsers.Of(volume.MountPoints));
            // Lets the sectors behind the file system's end be read: NTFS keeps its spare boot sector there.
            handle.Control(Kernel32.FSCTL_ALLOW_EXTENDED_DASD_IO, out _);
            int sectorBytes = VolumeGeometry.SectorSize(handle) ?? volume.SectorSizeBytes;
            return new WindowsVolumeReader(handle, volume, sectorBytes, opened => Length(opened, name, sectorBytes)) { IsFlushed = isFlushed };
        }
        catch (BlockReadException e)
        {
            throw new ImageBackupException(ErrorId.ReadFailed, e.Message, name, e);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The letter may mean another volume now than the one that was looked at, and that the user was asked about.</summary>
    /// <param name="volume">What was looked at.</param>
    /// <param name="opened">What was opened by its name.</param>
    /// <param name="aliases">The names that it has now; empty: not asked.</param>
    /// <param name="id">For the error.</param>
    private static void RequireSame(VolumeDescription volume, IVolumeControl opened, IReadOnlyList<string> aliases, ErrorId id)
    {
        string? guidName = aliases.FirstOrDefault(alias => WindowsVolumeName.Parse(alias) is { Kind: WindowsNameKind.VolumeGuid });
        if (volume.Instance?.DifferenceFrom(InstanceOf(opened, guidName)) is { } difference)
            throw new ImageBackupException(id, $"'{volume.Name}' has changed since it was examined: {difference}. Nothing was read from it or written to it.", volume.Name);
    }

    /// <summary>Puts what the file system still holds in memory on the volume. Needs the right to write; without it nothing happens, and it says so.</summary>
    private static bool FlushVolume(string devicePath)
    {
        using WindowsHandle? writable = WindowsHandle.Open(devicePath, Kernel32.GENERIC_WRITE,
            Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE, Kernel32.OPEN_EXISTING, 0, out _);
        return writable?.Flush(out _) == true;
    }

    private static long Length(WindowsHandle volume, string name, int sectorBytes)
    {
        long lengthBytes = VolumeGeometry.ToldLength(volume) ?? VolumeGeometry.ProbedLength(volume, name, sectorBytes);
        return lengthBytes - (lengthBytes % sectorBytes);
    }
}
