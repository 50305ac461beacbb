using System.Collections.Generic;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>One volume's copy in a set that the caller owns.</summary>
internal sealed record TakenSnapshot(ISnapshotSet Set, ISnapshot Snapshot)
{
    /// <summary>What the user has to know of its making, besides the set's own; recorded with the image.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Why the caller could take no set.</summary>
/// <param name="Warnings">As <see cref="TakenSnapshot.Warnings"/>.</param>
internal sealed record RefusedSnapshot(ImageBackupException Reason, IReadOnlyList<string> Warnings);
