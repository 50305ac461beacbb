using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>A provider whose snapshots applications (writers) take part in.</summary>
internal interface IWriterProvider : ISnapshotProvider
{
    /// <summary>The writers of this machine, and how each is now. Each step has the options' time limit.</summary>
    /// <exception cref="ImageBackupException"><see cref="ErrorId.SnapshotUnavailable"/>: they cannot be asked.</exception>
    IReadOnlyList<SnapshotWriter> ListWriters(SnapshotOptions options, CancellationToken cancellation);
}
