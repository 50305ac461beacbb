using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What there is to know of a repository. Sizes are bytes, times are local.</summary>
public sealed record RepositoryInfo
{
    /// <summary>The name that Connect-ImageRepository gave it in this session; null if it gave none.</summary>
    public string? Name { get; init; }

    /// <summary>The session's default.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Full path of the repository.</summary>
    public required string Location { get; init; }

    /// <summary>The repository's id: 64 hexadecimal digits.</summary>
    public required string Id { get; init; }
    public required int FormatVersion { get; init; }

    /// <summary>All files of the repository.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>What the packs hold, before it was compressed and encrypted; null if an index file cannot be used.</summary>
    public long? RawBytes { get; init; }

    /// <summary>How many times as large <see cref="RawBytes"/> is as <see cref="StoredBytes"/>; null if the repository is empty.</summary>
    public double? Ratio { get; init; }
    public required int PackCount { get; init; }
    public required long PackBytes { get; init; }
    public required int IndexCount { get; init; }

    /// <summary>All images, the inactive ones too.</summary>
    public required int ImageCount { get; init; }

    /// <summary>Volumes that the images are of, each counted once a computer.</summary>
    public required int VolumeCount { get; init; }

    /// <summary>Used bytes of all images together: what as many copies without deduplication would take.</summary>
    public required long ImageBytes { get; init; }
    public DateTime? OldestImage { get; init; }
    public DateTime? NewestImage { get; init; }

    /// <summary>Free on the repository's disk, for this user; null if the system does not tell.</summary>
    public long? FreeBytes { get; init; }
    public IReadOnlyList<RepositoryLockInfo> Locks { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<RepositoryLockInfo>());

    /// <summary>When this machine last ran Test-ImageRepository on it; null: never, as far as it remembers.</summary>
    public DateTime? LastCheck { get; init; }

    /// <summary>Whether that check found the repository healthy.</summary>
    public bool? LastCheckIsHealthy { get; init; }

    /// <summary>When this machine last ran Optimize-ImageRepository on it; null: never, as far as it remembers.</summary>
    public DateTime? LastOptimize { get; init; }
    public IReadOnlyList<RepositoryKeyInfo> Keys { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<RepositoryKeyInfo>());

    /// <summary>The location, as it may be shown.</summary>
    public override string ToString() => DisplayText.Line(Location);
}
