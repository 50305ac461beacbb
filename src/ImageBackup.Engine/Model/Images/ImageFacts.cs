using System;
using System.Collections.Generic;

namespace ImageBackup;

/// <summary>
/// What an image records of itself (image.json, src/FORMAT.md) and shows as it is. Sizes in bytes. Null: not recorded, as on an
/// image of an earlier version or of restic.
/// </summary>
/// <remarks>A new fact is a member here and a line in the table of fields (<c>Images/Format/ImageMetadataJson.Fields.cs</c>).</remarks>
public abstract record ImageFacts
{
    /// <summary>Bytes that the image covers as used (the whole volume if there is no map).</summary>
    public long? UsedBytes { get; init; }

    /// <summary>Bytes that this backup added to the repository, packs' and tree's.</summary>
    public long? StoredBytes { get; init; }
    public long? ChunkCount { get; init; }
    public long? NewChunkCount { get; init; }
    public long? ZeroChunkCount { get; init; }
    public int? ChunkSizeBytes { get; init; }
    public int? SectorSizeBytes { get; init; }
    public string? PartitionUuid { get; init; }
    public string? PartitionLabel { get; init; }

    /// <summary>Where the volume was mounted when the image was taken.</summary>
    public IReadOnlyList<string> MountPoints { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>Other names that the volume had then: links in /dev/disk, a loop device's file.</summary>
    internal IReadOnlyList<string> Aliases { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    internal string? DevicePath { get; init; }
    internal VolumeKind? VolumeKind { get; init; }

    /// <summary>Unused runs longer than this are not stored; 0: everything is.</summary>
    public long? GapSizeBytes { get; init; }

    /// <summary>Who gave the map of used blocks: the file system's name for our reader, windows; null: stored whole.</summary>
    public string? UsedMapSource { get; init; }

    /// <summary>Files whose content is not stored although it is in use: paging, hibernation, shadow storage.</summary>
    public IReadOnlyList<OmittedContent> Omitted { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<OmittedContent>());

    public ImageType? ImageType { get; init; }
    public ImageType? RequestedImageType { get; init; }

    /// <summary>The volume could change under the copy: check the file system after a restore.</summary>
    public bool IsFuzzy { get; init; }
    public string? SnapshotProvider { get; init; }

    /// <summary>Why a snapshot could not be had; null if none was tried, or it was.</summary>
    public string? FailoverReason { get; init; }

    /// <summary>The snapshot's room for changed blocks, and what of it was used when the copy ended.</summary>
    public long? SnapshotCacheBytes { get; init; }
    public long? SnapshotCacheUsedBytes { get; init; }

    /// <summary>How the volume was quiesced for a static image.</summary>
    public string? QuiescedBy { get; init; }

    /// <summary>The applications that took part in the snapshot, with the components of each that lie on the snapshot's volumes.</summary>
    public IReadOnlyList<SnapshotWriter> SnapshotWriters { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<SnapshotWriter>());
    public string? ManagementClass { get; init; }

    /// <summary>The class's values when the image was taken; null if none is recorded.</summary>
    public RetentionValues? Retention { get; init; }

    /// <summary>The rule that the volume hit when the image was taken; null if none matched or none is recorded.</summary>
    public MatchedRule? Rule { get; init; }

    /// <summary>Every option and who decided it; empty if none is recorded.</summary>
    public IReadOnlyList<DecidedOption> Options { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<DecidedOption>());
    public IReadOnlyList<ByteRange> ReadErrors { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<ByteRange>());
    public IReadOnlyList<string> Warnings { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
}
