using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.InUse;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux;

internal sealed partial class LinuxVolumeSystem
{
    /// <summary>Documentation/admin-guide/devices.txt.</summary>
    private const uint RamDiskMajor = 1;
    private const int SuspendedLookCount = 30;
    private static readonly TimeSpan s_suspendedWait = TimeSpan.FromMilliseconds(100);

    public IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode)
    {
        LinuxBlockReader reader = volume.Kind == VolumeKind.File ? OpenFile(volume, mode) : OpenDevice(volume, mode);
        if (reader.LengthBytes > 0)
            return reader;
        reader.Dispose();
        throw new ImageBackupException(ErrorId.VolumeEmpty, $"'{volume.Name}' has a length of 0 bytes.", volume.Name);
    }

    public IBlockWriter OpenTarget(VolumeDescription volume)
    {
        string name = volume.Name;
        if (volume.Kind == VolumeKind.File)
            return new LinuxBlockWriter(LinuxFileTarget.OpenInPlace(volume.DevicePath), name, isDevice: false);
        RequireRunning(volume, ErrorId.TargetInUse);
        FileDescriptor? descriptor = FileDescriptor.Open(volume.DevicePath, Libc.O_RDWR | Libc.O_EXCL, out int errno);
        if (descriptor is null)
        {
            // Kernels and their policies differ in the error for a device in use; who uses it says more than any.
            if (FileStatus.OfPath(volume.DevicePath) is { IsBlockDevice: true } node)
                RequireFreeTarget(volume, node.NodeDevice);
            throw errno switch
            {
                Errno.EBUSY => new ImageBackupException(ErrorId.TargetInUse, $"Another program holds '{name}' exclusively.", name),
                Errno.EROFS => ReadOnly(name),
                _ => LinuxFailure.Open(errno, volume),
            };
        }
        try
        {
            // Asked of the opened device, not of the name: no other program can mount or hold it from here on.
            DeviceNumber number = RequireDevice(descriptor, volume);
            RequireFreeTarget(volume, number);
            RequireSame(volume, descriptor, number, ErrorId.TargetChanged);
            if (descriptor.Control(Libc.BLKROGET, out int isReadOnly, out _) && isReadOnly != 0)
                throw ReadOnly(name);
            return new LinuxBlockWriter(descriptor, name, isDevice: true) { KernelPartitionCount = () => PartitionCountOf(number) };
        }
        catch (BlockReadException e)
        {
            throw new ImageBackupException(ErrorId.ReadFailed, e.Message, name, e);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private LinuxFileReader OpenFile(VolumeDescription volume, VolumeOpenMode mode)
    {
        // Not blocking, lest a pipe that took the file's name holds us here.
        FileDescriptor descriptor = FileDescriptor.Open(volume.DevicePath, Libc.O_RDONLY | Libc.O_NONBLOCK, out int errno)
            ?? throw LinuxFailure.Open(errno, volume);
        try
        {
            if (FileStatus.OfDescriptor(descriptor, out _) is not { IsRegularFile: true } status)
                throw NotFound(volume.Name, "it is not a plain file any more");
            if (volume.Instance?.DifferenceFrom(InstanceOf(status)) is { } difference)
                throw Changed(volume.Name, difference, ErrorId.VolumeChanged);
            if (mode == VolumeOpenMode.Exclusive)
                FileUse.RequireFreeSource(descriptor, volume.Name, status, _roots);
            else if (mode == VolumeOpenMode.Shared)
                FlushLoopsOn(status);
            descriptor.AdviseSequential();
            return new LinuxFileReader(descriptor, volume.Name) { Path = volume.DevicePath };
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private LinuxBlockReader OpenDevice(VolumeDescription volume, VolumeOpenMode mode)
    {
        bool isExclusive = mode == VolumeOpenMode.Exclusive;
        RequireRunning(volume, ErrorId.VolumeInUse);
        FileDescriptor? descriptor = FileDescriptor.Open(
            volume.DevicePath, Libc.O_RDONLY | (isExclusive ? Libc.O_EXCL : 0), out int errno);
        if (descriptor is null)
        {
            if (errno == Errno.EBUSY && FileStatus.OfPath(volume.DevicePath) is { IsBlockDevice: true } busy)
            {
                RequireFreeSource(volume, busy.NodeDevice);
                throw new ImageBackupException(ErrorId.VolumeInUse, $"Another program holds '{volume.Name}' exclusively.", volume.Name);
            }
            throw LinuxFailure.Open(errno, volume);
        }
        try
        {
            DeviceNumber number = RequireDevice(descriptor, volume);
            RequireSame(volume, descriptor, number, ErrorId.VolumeChanged);
            if (isExclusive)
                RequireFreeSource(volume, number);
            if (mode == VolumeOpenMode.Shared)
                FlushAbove(number);
            // Puts what is dirty on the device (of a mounted file system too) and drops what the cache kept of an
            // earlier reading: the file system wrote its data past that cache, so it may be stale. Root only.
            bool isFlushed = mode != VolumeOpenMode.Probe && Flush(descriptor, number);
            if (!isFlushed)
                descriptor.DropCache();
            if (mode != VolumeOpenMode.Probe)
                descriptor.AdviseSequential();
            bool isCopied = mode != VolumeOpenMode.Probe;
            return new LinuxBlockReader(descriptor, volume.Name, isDevice: true) { IsFlushed = isFlushed, Path = volume.DevicePath, RecyclesCache = isCopied, IsPastCache = isCopied };
        }
        catch (BlockReadException e)
        {
            throw new ImageBackupException(ErrorId.ReadFailed, e.Message, volume.Name, e);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>
    /// File systems on a disk's partitions, or on what is stacked on a device, have their own caches, which flushing
    /// the device below does not reach.
    /// </summary>
    private void FlushAbove(DeviceNumber number)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        if (tree.ByNumber(number) is { } device)
            Flush(tree.Above(device));
    }

    private void FlushLoopsOn(FileStatus file)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        foreach (SysDevice loop in FileUse.LoopsOn(tree, file))
            Flush([.. tree.Above(loop), loop]);
    }

    /// <summary>
    /// Not a RAM disk: its driver takes BLKFLSBUF as the order to give its memory back (drivers/block/brd.c, until Linux 5.x), and all
    /// that it holds is gone. It has no cache besides itself.
    /// </summary>
    /// <returns>Whether the kernel did it.</returns>
    private static bool Flush(FileDescriptor descriptor, DeviceNumber number) =>
        number.Major != RamDiskMajor && descriptor.Control(Libc.BLKFLSBUF, out _);

    /// <summary>As far as this user may.</summary>
    private static void Flush(IReadOnlyList<SysDevice> devices)
    {
        foreach (SysDevice device in devices)
        {
            using FileDescriptor? descriptor = FileDescriptor.Open(device.NodePath, Libc.O_RDONLY | Libc.O_NONBLOCK, out _);
            if (descriptor is not null)
                Flush(descriptor, device.Number);
        }
    }

    private static DeviceNumber RequireDevice(FileDescriptor descriptor, VolumeDescription volume) =>
        FileStatus.OfDescriptor(descriptor, out _) is { IsBlockDevice: true } status
            ? status.NodeDevice
            : throw NotFound(volume.Name, "it is not a block device");

    /// <summary>The name may mean another device now than the one that was looked at, and that the user was asked about.</summary>
    /// <exception cref="ImageBackupException">By <paramref name="id"/>.</exception>
    private void RequireSame(VolumeDescription volume, FileDescriptor descriptor, DeviceNumber number, ErrorId id)
    {
        if (volume.Instance is not { } known)
            return;
        long? sequence = descriptor.Control(Libc.BLKGETDISKSEQ, out long told, out _) ? told : null;
        DeviceInstance opened = DeviceTree.Read(_roots).ByNumber(number) is { } device
            ? device.InstanceBy(sequence ?? device.DiskSequence)
            : DeviceInstance.Of(("device number", number.ToString()));
        if (known.DifferenceFrom(opened) is { } difference)
            throw Changed(volume.Name, difference, id);
    }

    private static ImageBackupException Changed(string name, string difference, ErrorId id) =>
        new(id, $"'{name}' has changed since it was examined: {difference}. Nothing was read from it or written to it.", name);

    private static DeviceInstance InstanceOf(FileStatus file) => DeviceInstance.Of(("file system and file", $"{file.Device} {file.Inode}"));

    private int PartitionCountOf(DeviceNumber number)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        return tree.ByNumber(number) is { } disk ? tree.PartitionsOf(disk).Count() : 0;
    }

    /// <summary>
    /// Opening or reading a device that the device mapper has suspended waits until somebody resumes it. A moment is ordinary: a
    /// snapshot is being made.
    /// </summary>
    /// <exception cref="ImageBackupException">By <paramref name="id"/>.</exception>
    private void RequireRunning(VolumeDescription volume, ErrorId id)
    {
        if (FileStatus.OfPath(volume.DevicePath) is not { IsBlockDevice: true } node)
            return;
        string file = Path.Combine(_roots.Sys, "dev", "block", node.NodeDevice.ToString(), "dm", "suspended");
        for (int i = 0; LinuxRoots.TryReadNumber(file) == 1; i++)
        {
            if (i == SuspendedLookCount)
            {
                throw new ImageBackupException(id, $"'{volume.Name}' is suspended by the device mapper: all reads and writes wait.", volume.Name)
                {
                    RecommendedAction = "Wait for the program that suspended it (a snapshot, a resize), or resume it with 'dmsetup resume'.",
                };
            }
            Thread.Sleep(s_suspendedWait);
        }
    }

    /// <summary>What O_EXCL does not see (FUSE mounts, loop devices) and the words for what it does.</summary>
    private void RequireFreeSource(VolumeDescription volume, DeviceNumber number)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        if (tree.ByNumber(number) is not { } device)
            return;
        DeviceUse use = tree.UseOf(device);
        if (use.Mounts.Count > 0)
            throw new ImageBackupException(ErrorId.VolumeInUse, $"'{volume.Name}' is mounted: {use.MountText}.", volume.Name);
        if (use.Holders.Count > 0)
            throw new ImageBackupException(ErrorId.VolumeInUse, $"'{volume.Name}' is in use by {use.HolderText}.", volume.Name);
    }

    private void RequireFreeTarget(VolumeDescription volume, DeviceNumber number)
    {
        string name = volume.Name;
        DeviceTree tree = DeviceTree.Read(_roots);
        if (tree.ByNumber(number) is not { } device)
            throw NotFound(name, $"the system has no device {number}");
        DeviceUse use = tree.UseOf(device);
        if (use.IsSystem)
            throw new ImageBackupException(ErrorId.TargetIsSystem, $"The running system is on '{name}'.", name);
        if (use.Mounts.Count > 0)
            throw new ImageBackupException(ErrorId.TargetMounted, $"'{name}' is mounted: {use.MountText}.", name);
        if (use.Holders.Count > 0)
            throw new ImageBackupException(ErrorId.TargetInUse, $"'{name}' is in use by {use.HolderText}.", name);
    }

    private static ImageBackupException ReadOnly(string name) =>
        new(ErrorId.VolumeAccessDenied, $"The device '{name}' is read-only.", name)
        { RecommendedAction = "Make it writable (a switch on the medium, or blockdev --setrw), or name another target." };
}
