using System;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// Everything that <c>image.json</c> says of an image (src/FORMAT.md): what an image's object shows as it is
/// (<see cref="ImageFacts"/>), and the rest. Sizes in bytes.
/// </summary>
/// <remarks>An image made before a member was added must stay readable.</remarks>
internal sealed record ImageMetadata : ImageFacts
{
    /// <summary>Raised when a member changes its meaning; new members don't.</summary>
    public const int SchemaVersion = 1;

    public int Schema { get; init; } = SchemaVersion;
    public required string VolumeName { get; init; }

    /// <summary>The stable name under which the image is filed, the snapshot's path; null in old images.</summary>
    public string? VolumeId { get; init; }

    /// <summary>Which volume it was, by what travels with it; null in old images and of a later version.</summary>
    public VolumeIdentity? Identity { get; init; }
    public required long SizeBytes { get; init; }
    public int? PhysicalSectorSizeBytes { get; init; }
    public string? PartitionType { get; init; }
    public FileSystemDescription? FileSystem { get; init; }

    /// <summary>The moment that a snapshot shows.</summary>
    public DateTimeOffset? SnapshotTime { get; init; }
    public required DateTimeOffset Start { get; init; }
    public DateTimeOffset? End { get; init; }
    public long? UsedRangeCount { get; init; }

    /// <summary>The id of the directory that holds the chunk tags; null if none were made.</summary>
    public string? ChunkTags { get; init; }
    public string? ProgramVersion { get; init; }
}
