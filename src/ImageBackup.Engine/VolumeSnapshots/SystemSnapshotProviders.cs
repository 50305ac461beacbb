using System.Collections.Generic;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots.Commands;
using ImageBackup.Engine.VolumeSnapshots.Lvm;
using ImageBackup.Engine.VolumeSnapshots.Wmi;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>The providers that are built in, for the running system.</summary>
internal static class SystemSnapshotProviders
{
    public static IReadOnlyList<ISnapshotProvider> Create() => RuntimeInformation.IsOSPlatform(OSPlatform.Linux)
        ?
        [
            new LvmSnapshotProvider(() => VolumeSystem.Current, LinuxUndoRecord.LastingDirectory),
            new CommandSnapshotProvider(() => VolumeSystem.Current, LinuxUndoRecord.LastingDirectory),
        ]
        : RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
            ? [new WmiSnapshotProvider(new ManagementWmi(), () => VolumeSystem.Current, WindowsUndoRecord.LastingDirectory)]
            : [];
}
