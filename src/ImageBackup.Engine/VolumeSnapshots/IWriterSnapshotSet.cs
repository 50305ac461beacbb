using System.Collections.Generic;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>A set in whose making applications took part.</summary>
internal interface IWriterSnapshotSet : ISnapshotSet
{
    /// <summary>Each with how it was after the snapshot, and with its components that lie on the set's volumes.</summary>
    IReadOnlyList<SnapshotWriter> Writers { get; }
}
