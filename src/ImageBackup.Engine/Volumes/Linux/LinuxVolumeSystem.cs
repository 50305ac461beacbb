using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.InUse;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux;

/// <summary>The volumes of a Linux machine: block devices, and plain files that hold one.</summary>
internal sealed partial class LinuxVolumeSystem : IVolumeSystem
{
    private readonly LinuxRoots _roots = new();

    public LinuxVolumeSystem()
    {
        if (!Environment.Is64BitProcess)
            throw new ImageBackupException(ErrorId.NotSupported, "On Linux the module needs a 64-bit process.");
    }

    public IReadOnlyList<VolumeDescription> List()
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        var names = new DeviceNames(_roots);
        return [.. tree.Devices.Where(device => device.IsListed).Select(device => Describe(device, tree, names)).Where(volume => !IsContainer(volume))];
    }

    public VolumeDescription Find(string name)
    {
        VolumeDescription found = FindAny(name);
        return IsContainer(found)
            ? throw NotFound(name, $"'{found.Name}' is an extended partition, which holds nothing but the list of the logical ones in it; name those, or the disk")
            : found;
    }

    /// <summary>
    /// An MBR's container of logical partitions. The kernel shows one or two sectors of it, so that a boot loader can be put there;
    /// a partition that is merely marked so and has a length is what it says by its content.
    /// </summary>
    private static bool IsContainer(VolumeDescription volume) =>
        volume.PartitionType is "0x5" or "0xf" or "0x85" && volume.SizeBytes <= 2L * volume.SectorSizeBytes;

    private VolumeDescription FindAny(string name)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        // A bare word is a device before it is a file: lsblk names them so.
        if (name.IndexOf('/') < 0 && tree.ByName(name) is { } bare)
            return Describe(bare, tree, new DeviceNames(_roots));
        string path = FullPath(name);
        if (FileStatus.OfPath(path, out int errno) is not { } status)
        {
            // In a container /dev may lack the node of a device that /sys shows.
            if (errno == Errno.ENOENT && tree.ByName(path) is { } known)
                return Describe(known, tree, new DeviceNames(_roots));
            throw errno is Errno.EACCES or Errno.EPERM
                ? new ImageBackupException(ErrorId.VolumeAccessDenied, $"The system denied access to '{name}'.", name)
                : NotFound(name, Errno.Describe(errno));
        }
        if (status.IsBlockDevice)
            return tree.ByNumber(status.NodeDevice) is { } device
                ? Describe(device, tree, new DeviceNames(_roots))
                : throw NotFound(name, $"the system has no device {status.NodeDevice}");
        if (status.IsRegularFile)
            return DescribeFile(path, status, tree);
        if (status.IsDirectory)
            return FindMounted(name, path, tree);
        throw NotFound(name, "it is neither a block device, a mount point nor a plain file");
    }

    public IReadOnlyList<string> VolumesUnder(string path) => DeviceTree.Read(_roots).NamesUnder(FullPath(path));

    private VolumeDescription FindMounted(string name, string path, DeviceTree tree)
    {
        if (PathLocation.Of(path) is not { } location || tree.MountAt(location) is not { } mount)
            throw NotFound(name, "it is not a mount point");
        if (mount.MountPoint != location.RealPath)
            throw NotFound(name, $"it is a directory and not a mount point (it lies on what is mounted at '{mount.MountPoint}')");
        return tree.DevicesOf(mount) is [var device, ..]
            ? Describe(device, tree, new DeviceNames(_roots))
            : throw NotFound(name, $"the {mount.FileSystem} file system mounted there has no block device");
    }

    private static VolumeDescription Describe(SysDevice device, DeviceTree tree, DeviceNames names)
    {
        IReadOnlyList<MountEntry> mounts = tree.MountsOf(device);
        (string? uuid, string? type, string? label) = names.PartitionIdsOf(device, device.Disk is { } disk ? tree.ByKernelName(disk) : null);
        return new VolumeDescription
        {
            Name = device.Name,
            DevicePath = device.MapperName is not null && !File.Exists(device.Name) ? device.NodePath : device.Name,
            Kind = VolumeKind.BlockDevice,
            SizeBytes = device.SizeBytes,
            SectorSizeBytes = device.LogicalSectorSizeBytes,
            PhysicalSectorSizeBytes = device.PhysicalSectorSizeBytes,
            MountPoints = [.. mounts.Select(mount => mount.MountPoint).Distinct()],
            IsMountedReadOnly = mounts.Count > 0 && mounts.All(MountFlags.IsSuperReadOnly),
            Aliases = names.AliasesOf(device),
            MountedFileSystem = mounts.Count > 0 ? mounts[0].FileSystem : null,
            PartitionUuid = uuid,
            PartitionType = type,
            PartitionLabel = label,
            Identity = LinuxIdentity.Of(device, tree, names),
            LayersAbove = tree.LayersAbove(device),
            IsReadOnly = device.IsReadOnly,
            IsRemovable = device.IsRemovable,
            IsSystem = tree.SystemDevices.Contains(device),
            Holders = tree.HoldersOf(device),
            Instance = device.Instance,
        };
    }

    private static VolumeDescription DescribeFile(string path, FileStatus status, DeviceTree tree)
    {
        IReadOnlyList<SysDevice> loops = FileUse.LoopsOn(tree, status);
        IReadOnlyList<MountEntry> mounts = FileUse.MountsOf(tree, status);
        string? realPath = LinuxPath.Resolve(path);
        return new VolumeDescription
        {
            Name = path,
            DevicePath = path,
            Kind = VolumeKind.File,
            SizeBytes = status.SizeBytes,
            MountPoints = [.. mounts.Select(mount => mount.MountPoint).Distinct()],
            MountedFileSystem = mounts.Count > 0 ? mounts[0].FileSystem : null,
            Aliases = realPath is not null && realPath != path ? [realPath] : [],
            Identity = VolumeIdentity.Of([new IdentityFact(IdentityFactKind.File, realPath ?? path)]),
            LayersAbove = [.. loops.Concat(loops.SelectMany(tree.Above)).Select(loop => loop.Name).Distinct()],
            IsReadOnly = Libc.access(LinuxPath.ToNative(path), Libc.W_OK) != 0,
            IsSystem = loops.Any(tree.SystemDevices.Contains) || tree.Swaps.Any(swap =>
                FileStatus.OfPath(swap) is { } swapFile && swapFile.IsSameFile(status)),
            Holders = [.. loops.Select(loop => loop.Name)],
            Instance = InstanceOf(status),
        };
    }

    private static string FullPath(string name)
    {
        try
        {
            string path = Path.GetFullPath(name);
            return path.Length > 1 ? path.TrimEnd('/') : path;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.VolumeNotFound, $"'{name}' names no volume.", name, e);
        }
    }

    private static ImageBackupException NotFound(string name, string why) =>
        new(ErrorId.VolumeNotFound, $"There is no volume '{name}': {why}.", name);
}
