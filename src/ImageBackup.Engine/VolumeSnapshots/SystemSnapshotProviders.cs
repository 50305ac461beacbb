using System.Collections.Generic;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Linux;
using ImageBackup.Engine.Volumes.Snapshots.Commands;
using ImageBackup.Engine.Volumes.Snapshots.Lvm;
using ImageBackup.Engine.Volumes.Snapshots.Wmi;
using ImageBackup.Engine.Volumes.Windows;

namespace ImageBackup.Engine.Volumes.Snapshots;

/// <summary>The providers that are built in, for the running system.</summary>
internal static class SystemSnapshotProviders
{
    public static IReadOnlyList<ISnapshotProvider> Create() => RuntimeInformation.IsOSPlatform(OSPlatform.Linux)
        ?
        [
            new LvmSnapshotProvider(() => VolumeSystem.Current, HeldRecord.LastingDirectory),
            new CommandSnapshotProvider(() => VolumeSystem.Current, HeldRecord.LastingDirectory),
        ]
        : RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
            ? [new WmiSnapshotProvider(new ScriptingWmi(), () => VolumeSystem.Current, HeldFile.LastingDirectory)]
            : [];
}
