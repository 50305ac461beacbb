using System;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Disks;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

/// <summary>
/// The names that a device has beside its own: links in /dev/disk and those that udev made, and what udev or the
/// partition table say of a partition. Made for one call and thrown away.
/// </summary>
internal sealed class DeviceNames(LinuxRoots roots)
{
    private readonly Dictionary<DeviceNumber, List<string>> _links = ReadLinks(roots);
    private readonly Dictionary<string, DiskTable?> _tables = [];

    /// <summary>All names but <see cref="SysDevice.Name"/>; a loop device's backing file among them.</summary>
    public IReadOnlyList<string> AliasesOf(SysDevice device)
    {
        var aliases = new List<string>();
        void Add(string name)
        {
            if (name != device.Name && !aliases.Contains(name))
                aliases.Add(name);
        }

        Add(device.NodePath);
        if (_links.TryGetValue(device.Number, out List<string>? links))
            links.ForEach(Add);
        foreach (string line in UdevLines(device))
        {
            // S: is a link below /dev, such as vg/lv.
            if (line.StartsWith("S:", StringComparison.Ordinal))
                Add(Path.Combine(roots.Dev, line.Substring(2)));
        }
        if (device.BackingFile is { } file && !device.IsBackingFileDeleted)
            Add(file);
        return aliases;
    }

    /// <summary>The partition's UUID, type and name, from udev, else from the table on the disk; null if neither tells.</summary>
    public (string? Uuid, string? Type, string? Label) PartitionIdsOf(SysDevice device, SysDevice? disk)
    {
        if (disk is null)
            return (null, null, null);
        IReadOnlyDictionary<string, string> udev = UdevOf(device);
        string? uuid = device.PartitionUuid ?? udev.Find("ID_PART_ENTRY_UUID");
        string? type = udev.Find("ID_PART_ENTRY_TYPE");
        if (uuid is not null && type is not null && device.PartitionLabel is not null)
            return (uuid, type, device.PartitionLabel);
        DiskPartition? entry = TableOf(disk)?.PartitionAt(device.StartBytes);
        return (uuid ?? entry?.Uuid, type ?? entry?.Type, device.PartitionLabel ?? entry?.Name);
    }

    /// <summary>The table that counts on a disk; null if there is none or it cannot be read.</summary>
    public DiskTable? TableOf(SysDevice disk)
    {
        if (_tables.TryGetValue(disk.KernelName, out DiskTable? table))
            return table;
        try
        {
            if (FileDescriptor.Open(disk.NodePath, Libc.O_RDONLY | Libc.O_NONBLOCK, out _) is { } descriptor)
            {
                using var reader = new LinuxBlockReader(descriptor, disk.Name, isDevice: true);
                table = DiskTables.InForce(reader);
            }
        }
        catch (BlockReadException)
        {
            // A disk that cannot be read tells no ids; reading the volume itself will say why.
        }
        _tables.Add(disk.KernelName, table);
        return table;
    }

    /// <summary>What udev's database says of a device; empty if there is no udev.</summary>
    public IReadOnlyDictionary<string, string> UdevOf(SysDevice device) => PropertyLines.Parse(string.Join("\n", UdevLines(device)), "E:");

    private string[] UdevLines(SysDevice device) =>
        (LinuxRoots.TryReadText(Path.Combine(roots.Run, "udev", "data", "b" + device.Number)) ?? "").Split('\n');

    private static Dictionary<DeviceNumber, List<string>> ReadLinks(LinuxRoots roots)
    {
        var links = new Dictionary<DeviceNumber, List<string>>();
        string disk = Path.Combine(roots.Dev, "disk");
        foreach (string kind in LinuxRoots.Names(disk))
        {
            foreach (string name in LinuxRoots.Names(Path.Combine(disk, kind)))
            {
                string link = Path.Combine(disk, kind, name);
                if (FileStatus.OfPath(link) is not { IsBlockDevice: true } status)
                    continue;
                if (!links.TryGetValue(status.NodeDevice, out List<string>? names))
                    links.Add(status.NodeDevice, names = []);
                names.Add(link);
            }
        }
        return links;
    }
}
