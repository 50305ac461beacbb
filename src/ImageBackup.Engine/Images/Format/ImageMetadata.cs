using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Images.Format;

/// <summary>Everything that <c>image.json</c> says of an image (src/FORMAT.md); sizes in bytes.</summary>
/// <remarks>An image made before a member was added must stay readable.</remarks>
internal sealed record ImageMetadata
{
    /// <summary>Raised when a member changes its meaning; new members don't.</summary>
    public const int SchemaVersion = 1;

    public int Schema { get; init; } = SchemaVersion;
    public required string VolumeName { get; init; }

    /// <summary>The stable name under which the image is filed, the snapshot's path; null in old images.</summary>
    public string? VolumeId { get; init; }

    /// <summary>Which volume it was, by what travels with it; null in old images and of a later version.</summary>
    public VolumeIdentity? Identity { get; init; }
    public string? DevicePath { get; init; }
    public VolumeKind? VolumeKind { get; init; }
    public required long SizeBytes { get; init; }
    public int? SectorSizeBytes { get; init; }
    public int? PhysicalSectorSizeBytes { get; init; }
    public IReadOnlyList<string> MountPoints { get; init; } = Array.Empty<string>();
    public IReadOnlyList<string> Aliases { get; init; } = Array.Empty<string>();
    public string? PartitionUuid { get; init; }
    public string? PartitionType { get; init; }
    public string? PartitionLabel { get; init; }
    public FileSystemDescription? FileSystem { get; init; }

    public ImageType? ImageType { get; init; }
    public ImageType? RequestedImageType { get; init; }
    public bool IsFuzzy { get; init; }
    public string? SnapshotProvider { get; init; }

    /// <summary>Why a snapshot could not be had; null if none was tried, or it was.</summary>
    public string? FailoverReason { get; init; }

    /// <summary>The moment that a snapshot shows.</summary>
    public DateTimeOffset? SnapshotTime { get; init; }

    /// <summary>The room that the snapshot had for changed blocks, and what of it was used when the copy ended.</summary>
    public long? SnapshotCacheBytes { get; init; }
    public long? SnapshotCacheUsedBytes { get; init; }

    /// <summary>How the volume was quiesced for a static image.</summary>
    public string? QuiescedBy { get; init; }
    public string? ManagementClass { get; init; }

    /// <summary>The class's values when the image was taken.</summary>
    public RetentionValues? Retention { get; init; }

    /// <summary>The rule that the volume hit; null if none matched.</summary>
    public MatchedRule? Rule { get; init; }

    /// <summary>Every option and who decided it; empty if no policy was asked.</summary>
    public IReadOnlyList<DecidedOption> Options { get; init; } = Array.Empty<DecidedOption>();
    public required DateTimeOffset Start { get; init; }
    public DateTimeOffset? End { get; init; }

    public int? ChunkSizeBytes { get; init; }
    public long? GapSizeBytes { get; init; }
    public long? UsedBytes { get; init; }
    public long? UsedRangeCount { get; init; }

    /// <summary>Where the map of used blocks came from; null if the volume was stored whole.</summary>
    public string? UsedMapSource { get; init; }

    /// <summary>Files whose content is not stored although it is in use.</summary>
    public IReadOnlyList<OmittedContent> Omitted { get; init; } = Array.Empty<OmittedContent>();
    public long? ChunkCount { get; init; }
    public long? NewChunkCount { get; init; }
    public long? ZeroChunkCount { get; init; }
    public long? StoredBytes { get; init; }

    /// <summary>The id of the directory that holds the chunk tags; null if none were made.</summary>
    public string? ChunkTags { get; init; }
    public IReadOnlyList<ByteRange> ReadErrors { get; init; } = Array.Empty<ByteRange>();
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
    public string? ProgramVersion { get; init; }
}
