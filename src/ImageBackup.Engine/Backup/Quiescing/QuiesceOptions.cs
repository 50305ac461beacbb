using System;
using System.Collections.Generic;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>
/// How a volume is quiesced or frozen for its image, all decided: what the command line, the rule, the class, the
/// client-wide statements and the machine's defaults came to.
/// </summary>
internal sealed partial record QuiesceOptions
{
    public static QuiesceOptions Default { get; } = new();

    /// <summary>For Static, also as the failover.</summary>
    public QuiescePolicy Plan { get; init; } = QuiescePolicy.Of(SerializationMode.ShrStatic, OptionResolver.DefaultChangingRetries);

    /// <summary>Between two attempts to quiesce the volume.</summary>
    public TimeSpan IdleWait { get; init; } = OptionResolver.DefaultIdleWait;

    /// <summary>Static or Dynamic: taken if a snapshot cannot be had.</summary>
    public ImageType Failover { get; init; } = ImageType.Static;

    /// <summary>A snapshot that cannot be had is an error.</summary>
    public bool NoFailover { get; init; }

    /// <summary>A provider's name, NONE, or null: whichever can.</summary>
    public string? SnapshotProvider { get; init; }
    public SnapshotOptions Snapshot { get; init; } = new();

    /// <summary>A command line for the system's shell, before the snapshot; failing stops the backup. Null: none.</summary>
    public string? PreSnapshotCommand { get; init; }

    /// <summary>After the snapshot, also after one that failed; failing warns. Null: none.</summary>
    public string? PostSnapshotCommand { get; init; }

    /// <summary>The longest that each of them may take.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A copy that the caller took (one set for several volumes): it is read as it is, nothing is tried or run, and neither
    /// completed nor removed. Its set must outlive the job.
    /// </summary>
    public TakenSnapshot? Taken { get; init; }

    /// <summary>
    /// The caller tried to take a set and has none: counts as this volume's own snapshot that failed, with what follows from
    /// that. Nothing is tried or run again.
    /// </summary>
    public RefusedSnapshot? Refused { get; init; }
}

/// <summary>One volume's copy in a set that the caller owns.</summary>
internal sealed record TakenSnapshot(ISnapshotSet Set, ISnapshot Snapshot)
{
    /// <summary>What the user has to know of its making, besides the set's own; recorded with the image.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Why the caller could take no set.</summary>
/// <param name="Warnings">As <see cref="TakenSnapshot.Warnings"/>.</param>
internal sealed record RefusedSnapshot(ImageBackupException Reason, IReadOnlyList<string> Warnings);
