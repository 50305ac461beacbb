using System;
using System.Collections.Generic;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>What to back up, and how.</summary>
public sealed record BackupRequest
{
    /// <summary>The original's default: an unused run of up to 32 KiB is stored with its neighbours.</summary>
    public const long DefaultGapSizeBytes = 32 << 10;

    public required VolumeDescription Volume { get; init; }

    /// <summary>Null: Static where the volume is not mounted, Dynamic where it is.</summary>
    public ImageType? ImageType { get; init; }

    /// <summary>Null: by the volume's size. A power of two from 64 KiB to 4 MiB.</summary>
    public int? ChunkSizeBytes { get; init; }

    /// <summary>Unused runs longer than this are not stored; 0 stores everything.</summary>
    public long GapSizeBytes { get; init; } = DefaultGapSizeBytes;

    /// <summary>Stores paging files, hibernation files and shadow storage too, which are left out where that is safe.</summary>
    public bool IncludePageFile { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();

    /// <summary>Null: this machine's name.</summary>
    public string? ComputerName { get; init; }

    /// <summary>How many sectors may be unreadable: zeros take their place, and the image lists them. 0: the first one ends the backup.</summary>
    public long ReadErrorLimit { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}
