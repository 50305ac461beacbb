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
}
