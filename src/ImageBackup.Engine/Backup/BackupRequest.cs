using System;
using System.Collections.Generic;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Backup;

/// <summary>What to back up, and how.</summary>
internal sealed record BackupRequest
{
    /// <summary>TSM's default: an unused run of up to 32 KiB is stored with its neighbours.</summary>
    public static long DefaultGapSizeBytes => GapSize.Default.Bytes;

    public required VolumeDescription Volume { get; init; }

    /// <summary>
    /// Which volume it is, with what the probe found on it; null: by its place alone. The image records what is found when it is
    /// taken.
    /// </summary>
    public VolumeIdentity? Identity { get; init; }

    /// <summary>Other volumes of this machine that have the same identity, in words: clones. The image warns of them.</summary>
    public IReadOnlyList<string> Twins { get; init; } = Array.Empty<string>();

    /// <summary>
    /// What the policy says of the volume: recorded with the image, and for the type's decision and the attempts to quiesce it.
    /// Null: no policy was asked.
    /// </summary>
    public VolumePlan? Plan { get; init; }

    /// <summary>
    /// The plan's type. Without a plan: the type that is asked for; null: none is, so Snapshot if a provider can take the volume,
    /// else <see cref="QuiesceOptions.Failover"/>.
    /// </summary>
    public ImageType? ImageType { get => Plan is { } plan ? plan.Type.Type : field; init; }

    /// <summary>How the volume is quiesced or frozen.</summary>
    public QuiesceOptions Quiesce { get; init; } = QuiesceOptions.Default;

    /// <summary>
    /// A copy that the caller took (one set for several volumes): it is read as it is, nothing is tried or run, and neither
    /// completed nor removed. Its set must outlive the job.
    /// </summary>
    public TakenSnapshot? TakenSnapshot { get; init; }

    /// <summary>
    /// The caller tried to take a set and has none: counts as this volume's own snapshot that failed, with what follows from
    /// that. Nothing is tried or run again.
    /// </summary>
    public RefusedSnapshot? RefusedSnapshot { get; init; }

    /// <summary>Null: as the image before, else by the volume's size. A power of two from 64 KiB to 4 MiB. The plan's, if that has one.</summary>
    public int? ChunkSizeBytes { get => Plan?.Options.ChunkSize.Value?.Bytes ?? field; init; }

    /// <summary>
    /// Unused runs longer than this are not stored; 0 stores everything. The plan's; without a plan, the default unless it is set.
    /// </summary>
    public long GapSizeBytes { get => Plan is { } plan ? plan.Options.GapSize.Value.Bytes : field; init; } = DefaultGapSizeBytes;

    /// <summary>How new data is compressed. The plan's; without a plan, Auto unless it is set.</summary>
    public ImageCompression Compression { get => Plan is { } plan ? plan.Options.Compression.Value : field; init; } = ImageCompression.Auto;

    /// <summary>Stores paging files, hibernation files and shadow storage too, which are left out if that is safe.</summary>
    public bool IncludePageFile { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();

    /// <summary>Null: this machine's name.</summary>
    public string? ComputerName { get; init; }

    /// <summary>How many sectors may be unreadable: zeros take their place, and the image lists them. 0: the first one ends the backup.</summary>
    public long ReadErrorLimit { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}
