using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One thing that a run that was killed left to be undone, as its record on the disk says; what <c>Repair-ImageVolume</c> shows.</summary>
public sealed record PendingUndo
{
    public required PendingUndoKind Kind { get; init; }

    /// <summary>The volume's name; null if the record does not say it.</summary>
    public string? Volume { get; init; }

    /// <summary>The snapshot provider; null if it is not a snapshot.</summary>
    public string? Provider { get; init; }

    /// <summary>The mount point, the snapshot's name, or the command line.</summary>
    public required string Name { get; init; }

    /// <summary>It was undone.</summary>
    public bool IsUndone { get; init; }

    /// <summary>One sentence for people: what is still to be undone.</summary>
    public string Description => Kind switch
    {
        PendingUndoKind.ReadOnlyVolume => $"'{Volume}' is still read-only at '{Name}'",
        PendingUndoKind.VolumeSnapshot => $"the snapshot '{Name}' of '{Volume}' is still there",
        _ => $"the command after the snapshot of '{Volume}' was not run: {Name}",
    };

    public override string ToString() => DisplayText.Line(Description);

    /// <summary>The record's snapshot; null if it is not one of the providers' or of a command.</summary>
    internal OrphanSnapshot? Orphan { get; init; }

    /// <summary>Whether it is the same thing, undone or not.</summary>
    internal bool IsSameAs(PendingUndo other) =>
        Kind == other.Kind && Provider == other.Provider && string.Equals(Volume, other.Volume, StringComparison.Ordinal) && string.Equals(Name, other.Name, StringComparison.Ordinal);
}
