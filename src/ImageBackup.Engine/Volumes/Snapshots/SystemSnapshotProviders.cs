using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Snapshots;

/// <summary>The providers that are built in, for the running system.</summary>
internal static class SystemSnapshotProviders
{
    public static IReadOnlyList<ISnapshotProvider> Create() => [];
}
