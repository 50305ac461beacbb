using ImageBackup.Engine.FileSystems;

namespace ImageBackup.Engine.Backup.Map;

/// <summary>What decides how a volume's map is read.</summary>
internal sealed record UsedMapOptions
{
    /// <summary>Unused runs longer than this are not stored; 0 stores everything.</summary>
    public required long GapSizeBytes { get; init; }

    /// <summary>
    /// The driver that has the volume mounted wrote its memory back right before: see
    /// <see cref="FileSystems.IFlushAwareReader"/>.
    /// </summary>
    public bool IsFlushed { get; init; }

    /// <summary>The volume is mounted and others may write to it: its own answer is asked for if it gives one.</summary>
    public bool IsLive { get; init; }

    /// <summary>Paging files and their like are stored like other files.</summary>
    public bool IncludePageFile { get; init; }

    /// <summary>What the system mounts it as; null if it is not mounted.</summary>
    public string? MountedFileSystem { get; init; }
}
