using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

/// <summary>
/// The block devices, mounts and swaps of one moment, and how they stack. All I/O is done when it is read,
/// but for following paths, which <paramref name="locate"/> does.
/// </summary>
/// <remarks>Made for one call and thrown away: one thread.</remarks>
/// <param name="devices">All block devices.</param>
/// <param name="mounts">All mounts of the namespace, in the kernel's order.</param>
/// <param name="swaps">Paths of the active swaps.</param>
/// <param name="deviceSets">Devices (by kernel name) that bear one file system together: btrfs.</param>
/// <param name="locate">Where a path leads, or the nearest directory above it; null if it leads to no volume.</param>
internal sealed partial class DeviceTree(
    IReadOnlyList<SysDevice> devices,
    IReadOnlyList<MountEntry> mounts,
    IReadOnlyList<string> swaps,
    IReadOnlyList<IReadOnlyList<string>> deviceSets,
    Func<string, PathLocation?> locate)
{
    private readonly Dictionary<string, SysDevice> _byKernelName = Index(devices, device => device.KernelName);
    private readonly Dictionary<DeviceNumber, SysDevice> _byNumber = Index(devices, device => device.Number);
    private readonly Dictionary<string, SysDevice?> _nodes = [];
    private readonly Dictionary<MountEntry, IReadOnlyList<SysDevice>> _devicesOfMount = [];

    public IReadOnlyList<SysDevice> Devices => devices;
    public IReadOnlyList<MountEntry> Mounts => mounts;
    public IReadOnlyList<string> Swaps => swaps;

    public static DeviceTree Read(LinuxRoots roots)
    {
        string btrfs = Path.Combine(roots.Sys, "fs", "btrfs");
        return new DeviceTree(
            SysBlock.Read(roots),
            MountTable.Parse(LinuxRoots.TryReadText(Path.Combine(roots.Proc, "self", "mountinfo")) ?? ""),
            SwapTable.Parse(LinuxRoots.TryReadText(Path.Combine(roots.Proc, "swaps")) ?? ""),
            [.. LinuxRoots.Names(btrfs).Select(uuid => LinuxRoots.Names(Path.Combine(btrfs, uuid, "devices")))],
            PathLocation.OfNearest);
    }

    public SysDevice? ByNumber(DeviceNumber number) => _byNumber.TryGetValue(number, out SysDevice? device) ? device : null;

    public SysDevice? ByKernelName(string name) => _byKernelName.TryGetValue(name, out SysDevice? device) ? device : null;

    /// <summary>By kernel name, the mapper's name, or a path that needs no node to be there.</summary>
    public SysDevice? ByName(string name) =>
        ByKernelName(name) ?? devices.FirstOrDefault(device => device.Name == name || device.NodePath == name || device.MapperName == name);

    public IEnumerable<SysDevice> PartitionsOf(SysDevice disk) => devices.Where(device => device.Disk == disk.KernelName);

    /// <summary>The mounts of the file system on the device itself, in the kernel's order.</summary>
    public IReadOnlyList<MountEntry> MountsOf(SysDevice device) =>
        [.. mounts.Where(mount => DevicesOf(mount).Contains(device))];

    /// <summary>The devices that bear the mounted file system; none if it has no device that is known.</summary>
    public IReadOnlyList<SysDevice> DevicesOf(MountEntry mount)
    {
        if (!_devicesOfMount.TryGetValue(mount, out IReadOnlyList<SysDevice>? known))
            _devicesOfMount.Add(mount, known = FindDevicesOf(mount));
        return known;
    }

    private List<SysDevice> FindDevicesOf(MountEntry mount)
    {
        if (!mount.Device.IsAnonymous)
            return ByNumber(mount.Device) is { } device ? [device] : [];
        if (!mount.IsSourceOfRoot)
            return [];
        // bcachefs names all its devices, with colons; btrfs one of them.
        List<SysDevice> found = [.. mount.Source.Split(':').Select(NodeAt).OfType<SysDevice>()];
        foreach (IReadOnlyList<string> set in deviceSets)
        {
            if (found.Any(device => set.Contains(device.KernelName)))
                found.AddRange(set.Select(ByKernelName).OfType<SysDevice>().Where(device => !found.Contains(device)));
        }
        return found;
    }

    /// <summary>Loop devices whose backing is this very file or device node.</summary>
    public IEnumerable<SysDevice> LoopsOn(Func<string, bool> isSame) =>
        devices.Where(device => device.BackingFile is { } file && !device.IsBackingFileDeleted && isSame(file));

    /// <summary>What stacks directly on the device, by name; "swap" if it is active swap.</summary>
    public IReadOnlyList<string> HoldersOf(SysDevice device)
    {
        List<string> holders = [.. device.Holders.Select(name => ByKernelName(name)?.Name ?? name)];
        holders.AddRange(LoopsOn(file => NodeAt(file) == device).Select(loop => loop.Name));
        if (swaps.Any(swap => NodeAt(swap) == device))
            holders.Add("swap");
        return holders;
    }

    /// <summary>Who uses the device, its partitions, or the disk that it is part of.</summary>
    public DeviceUse UseOf(SysDevice device)
    {
        var family = new List<SysDevice> { device };
        family.AddRange(PartitionsOf(device));
        if (device.Disk is { } diskName && ByKernelName(diskName) is { } disk)
            family.Add(disk);
        var mounted = new List<string>();
        var held = new List<string>();
        foreach (SysDevice member in family)
        {
            foreach (MountEntry mount in MountsOf(member))
                mounted.Add(member == device ? mount.MountPoint : $"{mount.MountPoint} ({member.Name})");
            foreach (string holder in HoldersOf(member))
                held.Add(member == device ? holder : $"{holder} on {member.Name}");
        }
        return new DeviceUse(SystemDevices.Contains(device), mounted, held);
    }

    private SysDevice? NodeAt(string path)
    {
        if (_nodes.TryGetValue(path, out SysDevice? known))
            return known;
        SysDevice? found = devices.FirstOrDefault(device => device.NodePath == path || device.Name == path);
        if (found is null && locate(path)?.Node is { } number)
            found = ByNumber(number);
        _nodes.Add(path, found);
        return found;
    }

    private static Dictionary<TKey, SysDevice> Index<TKey>(IReadOnlyList<SysDevice> devices, Func<SysDevice, TKey> key)
        where TKey : notnull
    {
        var index = new Dictionary<TKey, SysDevice>();
        foreach (SysDevice device in devices)
            index[key(device)] = device;
        return index;
    }
}
