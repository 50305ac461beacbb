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
        RequireNotNeeded(volume, device, tree, neededPaths);
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

    private static void RequireNotNeeded(VolumeDescription volume, SysDevice device, DeviceTree tree, IReadOnlyList<string> neededPaths)
    {
        if (tree.SystemDevices.Contains(device))
            throw new ImageBackupException(ErrorId.VolumeNeeded, $"The running system is on '{volume.Name}': it is not remounted read-only.", volume.Name);
        foreach (string path in neededPaths.Append(Path.GetTempPath()).Append(LinuxUndoRecord.PassingDirectory))
        {
            if (tree.NamesUnder(path).Contains(device.Name))
                throw new ImageBackupException(ErrorId.VolumeNeeded, $"'{path}' is on '{volume.Name}' and must stay writable: it is not remounted read-only.", volume.Name);
        }
    }
}
