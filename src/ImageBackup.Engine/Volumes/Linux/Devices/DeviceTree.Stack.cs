using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

internal sealed partial class DeviceTree
{
    private static readonly string[] s_systemMountPoints = ["/", "/boot", "/boot/efi", "/efi", "/usr"];
    private static readonly string[] s_overlayOptions = ["lowerdir=", "lowerdir+=", "upperdir=", "workdir="];

    /// <summary>The devices that the running system needs: those of root, boot, /usr and swap, and all below them.</summary>
    public ISet<SysDevice> SystemDevices => _systemDevices ??= FindSystemDevices();

    private HashSet<SysDevice>? _systemDevices;

    /// <summary>
    /// Everything that a file or directory lies on, from the top down: devices by name and, if a loop device
    /// is among them, the file behind it by its path. Empty for network and memory file systems.
    /// </summary>
    public IReadOnlyList<string> NamesUnder(string path)
    {
        var under = new Stack();
        AddUnderPath(path, under);
        return under.Names;
    }

    /// <summary>Everything that lies on the device, the topmost first: partitions, dm, md and loop devices.</summary>
    public IReadOnlyList<SysDevice> Above(SysDevice device)
    {
        var above = new List<SysDevice>();
        AddAbove(device, above, []);
        return above;
    }

    /// <summary>
    /// The names of what lies on the device, and of what lies on the whole disk that it is part of (a multipath device on the
    /// disk of sda1): the disk's other partitions are beside it.
    /// </summary>
    public IReadOnlyList<string> LayersAbove(SysDevice device)
    {
        var above = new List<SysDevice>(Above(device));
        if (device.Disk is { } diskName && ByKernelName(diskName) is { } disk)
        {
            IEnumerable<SysDevice> onDisk = disk.Holders.Select(ByKernelName).OfType<SysDevice>().Concat(LoopsOn(file => NodeAt(file) == disk));
            foreach (SysDevice holder in onDisk.ToList())
                above.AddRange(Above(holder).Prepend(holder));
        }
        return [.. above.Select(upper => upper.Name).Distinct()];
    }

    /// <summary>The device behind a loop device; null if it is a plain file, or none.</summary>
    public SysDevice? DeviceBehind(SysDevice loop) => loop is { BackingFile: { } file, IsBackingFileDeleted: false } ? NodeAt(file) : null;

    private void AddAbove(SysDevice device, List<SysDevice> above, HashSet<SysDevice> seen)
    {
        IEnumerable<SysDevice> direct = PartitionsOf(device)
            .Concat(device.Holders.Select(ByKernelName).OfType<SysDevice>())
            .Concat(LoopsOn(file => NodeAt(file) == device));
        foreach (SysDevice upper in direct)
        {
            if (!seen.Add(upper))
                continue;
            AddAbove(upper, above, seen);
            above.Add(upper);
        }
    }

    private HashSet<SysDevice> FindSystemDevices()
    {
        var under = new Stack();
        foreach (MountEntry mount in mounts)
        {
            if (Array.IndexOf(s_systemMountPoints, mount.MountPoint) >= 0)
                AddUnderMount(mount, under);
        }
        foreach (string swap in swaps)
        {
            if (NodeAt(swap) is { } device)
                AddBelow(device, under);
            else
                AddUnderPath(swap, under);
        }
        return under.Devices;
    }

    private void AddUnderPath(string path, Stack under)
    {
        if (!under.Paths.Add(path) || locate(path) is not { } location)
            return;
        if (!location.Device.IsAnonymous && ByNumber(location.Device) is { } device)
            AddBelow(device, under);
        else if (MountAt(location) is { } mount)
            AddUnderMount(mount, under);
    }

    private void AddUnderMount(MountEntry mount, Stack under)
    {
        if (!under.Mounts.Add(mount.Id))
            return;
        foreach (SysDevice device in DevicesOf(mount))
            AddBelow(device, under);
        if (mount.FileSystem == "overlay")
        {
            foreach (string directory in OverlayDirectories(mount.SuperOptions))
                AddUnderPath(directory, under);
        }
    }

    private void AddBelow(SysDevice device, Stack under)
    {
        if (!under.Devices.Add(device))
            return;
        under.Names.Add(device.Name);
        if (device.Disk is { } disk && ByKernelName(disk) is { } whole)
            AddBelow(whole, under);
        foreach (string slave in device.Slaves)
        {
            if (ByKernelName(slave) is { } lower)
                AddBelow(lower, under);
        }
        if (device.BackingFile is { } file)
        {
            if (NodeAt(file) is { } node)
            {
                AddBelow(node, under);
            }
            else
            {
                under.Names.Add(file);
                AddUnderPath(file, under);
            }
        }
    }

    /// <summary>
    /// The mount that a path was reached through: by its number if the kernel tells it, else the last of the
    /// deepest mount points that the path lies in.
    /// </summary>
    public MountEntry? MountAt(PathLocation location)
    {
        if (location.MountId is { } id && mounts.FirstOrDefault(mount => mount.Id == id) is { } exact)
            return exact;
        MountEntry? best = null;
        foreach (MountEntry mount in mounts)
        {
            if (LinuxPath.IsInside(location.RealPath, mount.MountPoint) && mount.MountPoint.Length >= (best?.MountPoint.Length ?? 0))
                best = mount;
        }
        return best;
    }

    private static IEnumerable<string> OverlayDirectories(string options)
    {
        foreach (string option in options.Split(','))
        {
            string? name = Array.Find(s_overlayOptions, prefix => option.StartsWith(prefix, StringComparison.Ordinal));
            if (name is null)
                continue;
            foreach (string directory in option.Substring(name.Length).Split(':'))
            {
                if (directory.StartsWith("/", StringComparison.Ordinal))
                    yield return directory;
            }
        }
    }

    /// <summary>What was found so far; whatever is in it is not walked again, so a circle ends.</summary>
    private sealed class Stack
    {
        public List<string> Names { get; } = [];
        public HashSet<SysDevice> Devices { get; } = [];
        public HashSet<string> Paths { get; } = [];
        public HashSet<long> Mounts { get; } = [];
    }
}
