using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.InUse;

/// <summary>Who uses a plain file as a volume: loop devices on it, mounts of those, and locks.</summary>
internal static class FileUse
{
    /// <summary>The loop devices on the file.</summary>
    public static IReadOnlyList<SysDevice> LoopsOn(DeviceTree tree, FileStatus file) =>
        [.. tree.LoopsOn(path => FileStatus.OfPath(path) is { } backing && backing.IsSameFile(file))];

    /// <summary>Where file systems in the file are mounted: through loop devices, their partitions, or straight (erofs).</summary>
    public static IReadOnlyList<MountEntry> MountsOf(DeviceTree tree, FileStatus file)
    {
        var mounts = new List<MountEntry>();
        foreach (SysDevice loop in LoopsOn(tree, file))
        {
            mounts.AddRange(tree.MountsOf(loop));
            mounts.AddRange(tree.PartitionsOf(loop).SelectMany(tree.MountsOf));
        }
        mounts.AddRange(tree.Mounts.Where(mount => mount.IsSourceOfRoot
            && FileStatus.OfPath(mount.Source) is { IsRegularFile: true } source && source.IsSameFile(file)));
        return mounts;
    }

    /// <summary>Locks the file as a source.</summary>
    /// <exception cref="ImageBackupException">VolumeInUse.</exception>
    public static void RequireFreeSource(FileDescriptor descriptor, string path, FileStatus file, LinuxRoots roots)
    {
        DeviceTree tree = DeviceTree.Read(roots);
        IReadOnlyList<SysDevice> loops = LoopsOn(tree, file);
        if (MountsOf(tree, file) is { Count: > 0 } mounts)
            throw new ImageBackupException(ErrorId.VolumeInUse, $"'{path}' is mounted at {Places(mounts)}.", path);
        if (loops.Count > 0)
            throw new ImageBackupException(ErrorId.VolumeInUse, $"'{path}' is attached to {Names(loops)}.", path);
        if (!FileLock.TryTake(descriptor, isWritable: false))
            throw new ImageBackupException(ErrorId.VolumeInUse, $"Another program holds a lock on '{path}'.", path);
    }

    /// <summary>Locks the file as a target.</summary>
    /// <exception cref="ImageBackupException">TargetMounted, TargetInUse.</exception>
    public static void RequireFreeTarget(FileDescriptor descriptor, string path, FileStatus file)
    {
        DeviceTree tree = DeviceTree.Read(new LinuxRoots());
        IReadOnlyList<SysDevice> loops = LoopsOn(tree, file);
        if (loops.FirstOrDefault(tree.SystemDevices.Contains) is { } system)
            throw new ImageBackupException(ErrorId.TargetIsSystem, $"The running system uses '{path}' through {system.Name}.", path);
        if (MountsOf(tree, file) is { Count: > 0 } mounts)
            throw new ImageBackupException(ErrorId.TargetMounted, $"'{path}' is mounted at {Places(mounts)}.", path);
        if (loops.Count > 0)
            throw new ImageBackupException(ErrorId.TargetInUse, $"'{path}' is attached to {Names(loops)}.", path);
        if (!FileLock.TryTake(descriptor, isWritable: true))
            throw new ImageBackupException(ErrorId.TargetInUse, $"Another program holds a lock on '{path}'.", path);
    }

    /// <summary>The kernel refuses writes into active swap or a running program.</summary>
    public static ImageBackupException SwapOrProgram(string path) =>
        DeviceTree.Read(new LinuxRoots()).Swaps.Any(swap => IsSame(swap, path))
            ? new(ErrorId.TargetIsSystem, $"'{path}' is active swap.", path)
            : new(ErrorId.TargetInUse, $"'{path}' is a program that is running.", path);

    private static bool IsSame(string one, string other) =>
        FileStatus.OfPath(one) is { } first && FileStatus.OfPath(other) is { } second && first.IsSameFile(second);

    private static string Places(IReadOnlyList<MountEntry> mounts) => string.Join(", ", mounts.Select(mount => mount.MountPoint));

    private static string Names(IReadOnlyList<SysDevice> devices) => string.Join(", ", devices.Select(device => device.Name));
}
