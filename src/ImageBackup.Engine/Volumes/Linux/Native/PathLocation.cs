namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Where a path leads: what the device tree needs to know of a file.</summary>
/// <param name="RealPath">Without symbolic links.</param>
/// <param name="Device">The device of the file system that it lies on.</param>
/// <param name="MountId">The mount that it was reached through; null before Linux 5.8.</param>
/// <param name="Node">The device that it is the node of; null for anything but a block device.</param>
internal sealed record PathLocation(string RealPath, DeviceNumber Device, long? MountId, DeviceNumber? Node)
{
    /// <summary>Of the path or, if it does not exist, of the nearest directory above it that does.</summary>
    public static PathLocation? OfNearest(string path)
    {
        string current = path;
        while (true)
        {
            if (Of(current) is { } location)
                return location;
            string parent = LinuxPath.DirectoryOf(current);
            if (parent == current || parent.Length == 0)
                return null;
            current = parent;
        }
    }

    /// <summary>Null if the path does not exist or may not be walked.</summary>
    public static PathLocation? Of(string path) =>
        FileStatus.OfPath(path) is { } status && LinuxPath.Resolve(path) is { } realPath
            ? new PathLocation(realPath, status.Device, status.MountId, status.IsBlockDevice ? status.NodeDevice : null)
            : null;
}
