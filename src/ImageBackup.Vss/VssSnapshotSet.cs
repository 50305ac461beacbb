using System;
using System.Collections.Generic;
using System.Linq;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>A finished set; aborted if it was not completed, and deleted, by Dispose.</summary>
internal sealed class VssSnapshotSet : ISnapshotSet
{
    private readonly VssSession _session;

    public VssSnapshotSet(VssSession session, Func<IVolumeSystem> system,
        IReadOnlyList<(VolumeDescription Volume, Guid Id, VssSnapshotProperties Properties)> snapshots, IReadOnlyList<SnapshotDocument> documents,
        IReadOnlyList<string> warnings)
    {
        _session = session;
        Warnings = warnings;
        Documents = documents;
        // VSS gives it without a kind; it is the machine's time.
        Time = new DateTimeOffset(DateTime.SpecifyKind(snapshots[0].Properties.CreationTimestamp, DateTimeKind.Local));
        Snapshots = [.. snapshots.Select(taken => new ShadowCopy(system, taken.Volume, taken.Properties.SnapshotDeviceObject, () => session.QueryState(taken.Id), () => session.IsDisposed))];
    }

    public string ProviderName => VssSnapshotProvider.ProviderName;
    public DateTimeOffset Time { get; }
    public IReadOnlyList<ISnapshot> Snapshots { get; }
    public IReadOnlyList<SnapshotDocument> Documents { get; }
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Dispose aborts a set that did not succeed.</summary>
    public IReadOnlyList<string> Complete(bool succeeded) => succeeded ? _session.Complete() : [];

    public void Dispose() => _session.Dispose();
}
