using System;

namespace ImageBackup;

/// <summary>A change of a killed run that must be undone.</summary>
public enum PendingUndoKind
{
    /// <summary>A mounted volume is still read-only.</summary>
    ReadOnlyVolume,

    /// <summary>A volume snapshot is still there.</summary>
    VolumeSnapshot,

    /// <summary>The command after a snapshot was not run: what the command before it stopped may still be stopped.</summary>
    PostSnapshotCommand,
}
