using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.Volumes.Linux;

internal sealed partial class LinuxVolumeSystem
{
    public IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        if (volume.Kind != VolumeKind.BlockDevice || FileStatus.OfPath(volume.DevicePath) is not { IsBlockDevice: true } node
            || tree.ByNumber(node.NodeDevice) is not { } device || tree.MountsOf(device) is not { Count: > 0 } mounts)
        {
            return new ExclusiveVolume(OpenRead(volume, VolumeOpenMode.Exclusive));
        }
        if (WhyNeeded(volume.Name, tree, neededPaths, device) is { } why)
            throw new ImageBackupException(ErrorId.VolumeNeeded, $"'{volume.Name}' is not remounted read-only for a static image: {why}.", volume.Name);
        return ReadOnlyMount.Take(_roots, volume, mounts, () => OpenRead(volume, VolumeOpenMode.Shared));
    }

    public IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null)
    {
        var lines = new List<string>();
        foreach (LinuxUndoRecord record in LinuxUndoRecord.Abandoned(LinuxUndoRecord.PassingDirectory, ReadOnlyMount.RecordKind))
        {
            if (volumeName is not null && ReadOnlyMount.VolumeOf(record.Values) != volumeName)
                record.Dispose();
            else if (ReadOnlyMount.PutBackLeft(_roots, record) is { } line)
                lines.Add(line);
        }
        if (volumeName is null)
            lines.AddRange(LinuxUndoRecord.Refused(LinuxUndoRecord.PassingDirectory, ReadOnlyMount.RecordKind).Select(record => record.Why));
        return lines;
    }

    public IReadOnlyList<LeftVolume> FindLeftQuiesced() =>
        [.. LinuxUndoRecord.Left(LinuxUndoRecord.PassingDirectory, ReadOnlyMount.RecordKind)
            .Select(record => ReadOnlyMount.Left(_roots, record)).OfType<LeftVolume>()];

    public string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths)
    {
        DeviceTree tree = DeviceTree.Read(_roots);
        SysDevice? device = volume.Kind == VolumeKind.BlockDevice ? tree.ByName(volume.Name) : null;
        return WhyNeeded(volume.Name, tree, neededPaths, device is not null && tree.MountsOf(device).Count > 0 ? device : null);
    }

    /// <param name="name">The volume's.</param>
    /// <param name="tree">The devices now.</param>
    /// <param name="neededPaths">What must stay writable.</param>
    /// <param name="mounted">Its device; null if it is not mounted: then the paths count that lie on layers above it.</param>
    private static string? WhyNeeded(string name, DeviceTree tree, IReadOnlyList<string> neededPaths, SysDevice? mounted)
    {
        if (mounted is not null && tree.SystemDevices.Contains(mounted))
            return "the running system is on it";
        IEnumerable<string> paths = mounted is null ? neededPaths : neededPaths.Append(Path.GetTempPath()).Append(LinuxUndoRecord.PassingDirectory);
        return paths.FirstOrDefault(path => tree.NamesUnder(path).Contains(mounted?.Name ?? name)) is { } needed
            ? $"'{needed}' is on it and must stay writable"
            : null;
    }
}
