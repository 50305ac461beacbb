using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One image in a repository, as <c>Get-ImageBackup</c> and <c>Backup-VolumeImage</c> give it. Sizes in bytes;
/// times are local. Property types are plain, so that CSV, JSON and Out-GridView show them.
/// </summary>
public sealed record ImageBackupInfo
{
    /// <summary>The snapshot's id: 64 hexadecimal digits.</summary>
    public required string Id { get; init; }
    public string ShortId => DisplayText.ShortId(Id);

    /// <summary>What the volume was called when the image was taken. Another volume may be called so now: see <see cref="VolumeId"/>.</summary>
    public required string Volume { get; init; }

    /// <summary>
    /// Which volume it is: images of one computer with the same id are versions of one another, whatever the volume was called.
    /// Made of the strongest fact of <see cref="Identity"/>; if there is none, the volume's name.
    /// </summary>
    public string VolumeId { get => field ?? Volume; init; }

    /// <summary>What travels with the volume: partition GUID, logical volume, file system id ...</summary>
    public VolumeIdentity Identity { get; init; } = VolumeIdentity.None;
    public required string ComputerName { get; init; }
    public string? UserName { get; init; }
    public required DateTime BackupTime { get; init; }
    public TimeSpan? Duration { get; init; }

    /// <summary>The volume's size in bytes.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Bytes that the image covers as used (the whole volume if there is no map).</summary>
    public long? UsedBytes { get; init; }

    /// <summary>Bytes that this backup added to the repository, packs' and tree's.</summary>
    public long? StoredBytes { get; init; }

    /// <summary>Bytes that the backup read of the volume. Null, as the four that follow, on an image that was listed: not recorded.</summary>
    public long? ReadBytes { get; init; }

    /// <summary>Bytes of the chunks that the repository did not have.</summary>
    public long? ChangedBytes { get; init; }

    /// <summary>Of the duration: the lock, the index, the snapshot and the map of used blocks.</summary>
    public TimeSpan? PreparationTime { get; init; }

    /// <summary>Of the duration: reading, hashing, compressing and writing.</summary>
    public TimeSpan? CopyTime { get; init; }

    /// <summary>Of the duration: the last packs, the last index and the snapshot record.</summary>
    public TimeSpan? RecordTime { get; init; }
    public long? ChunkCount { get; init; }
    public long? NewChunkCount { get; init; }
    public long? ZeroChunkCount { get; init; }
    public int? ChunkSizeBytes { get; init; }
    public int? SectorSizeBytes { get; init; }
    public string? FileSystem { get; init; }
    public string? Label { get; init; }
    public string? Uuid { get; init; }
    public string? PartitionUuid { get; init; }
    public string? PartitionLabel { get; init; }

    /// <summary>Where the volume was mounted when the image was taken.</summary>
    public IReadOnlyList<string> MountPoints { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The file system's allocation unit in bytes.</summary>
    public int? ClusterSizeBytes { get; init; }

    /// <summary>Used bytes by the file system's own counters, if it has them.</summary>
    public long? FileSystemUsedBytes { get; init; }

    /// <summary>Whether the file system was cleanly unmounted when the image was taken; null if it cannot be told.</summary>
    public bool? IsClean { get; init; }

    /// <summary>Unused runs longer than this are not stored; 0: everything is.</summary>
    public long? GapSizeBytes { get; init; }

    /// <summary>Who gave the map of used blocks: the file system's name for our reader, windows; null: stored whole.</summary>
    public string? UsedMapSource { get; init; }

    /// <summary>Files whose content is not stored although it is in use: paging, hibernation, shadow storage.</summary>
    public IReadOnlyList<OmittedContent> Omitted { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<OmittedContent>());

    /// <summary>Null on an image that restic made.</summary>
    public ImageType? ImageType { get; init; }
    public ImageType? RequestedImageType { get; init; }

    /// <summary>The volume could change under the copy: check the file system after a restore.</summary>
    public bool IsFuzzy { get; init; }
    public string? SnapshotProvider { get; init; }

    /// <summary>A snapshot was to be taken and could not be had; <see cref="FailoverReason"/> says why.</summary>
    public bool IsFailedOver => FailoverReason is not null;
    public string? FailoverReason { get; init; }

    /// <summary>The moment that the snapshot shows.</summary>
    public DateTime? SnapshotTime { get; init; }

    /// <summary>The snapshot's room for changed blocks, and what of it was used when the copy ended.</summary>
    public long? SnapshotCacheBytes { get; init; }
    public long? SnapshotCacheUsedBytes { get; init; }

    /// <summary>How the volume was quiesced for a static image.</summary>
    public string? QuiescedBy { get; init; }
    public string? ManagementClass { get; init; }

    /// <summary>The class's values when the image was taken; null if none is recorded.</summary>
    public RetentionValues? Retention { get; init; }

    /// <summary>The rule that the volume hit when the image was taken; null if none matched or none is recorded.</summary>
    public MatchedRule? Rule { get; init; }

    /// <summary>Every option and who decided it; empty if none is recorded.</summary>
    public IReadOnlyList<DecidedOption> Options { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<DecidedOption>());

    /// <summary>The newest image of its volume and computer, unless the volume is stated to be gone.</summary>
    public bool IsActive { get; init; } = true;

    /// <summary>
    /// Its time cannot be: before computers had images, or more than a day ahead of this machine's clock. It stays in its place in
    /// the list, but is not the newest, does not expire and makes no other image expire.
    /// </summary>
    public bool IsTimeImpossible { get; init; }

    /// <summary>Since when it is not the active one: the next image's time, or the volume's removal; null while it is.</summary>
    public DateTime? InactiveSince { get; init; }

    /// <summary>When it expires, or did; null: never, as things stand.</summary>
    public DateTime? ExpiresAt { get; init; }

    /// <summary>The next <c>Remove-ImageBackup -Expired</c> takes it.</summary>
    public bool IsExpired { get; init; }

    /// <summary>All that keeps it now: limits and rules of its class, a pin, or that it is the active one; empty if it has expired.</summary>
    public IReadOnlyList<RetentionReason> KeptBy { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<RetentionReason>());

    /// <summary>It has the tag <c>pinned</c>: nothing lets it expire.</summary>
    public bool IsPinned { get; init; }

    /// <summary>What a person wrote about it with <c>Set-ImageBackup</c>; null: nothing.</summary>
    public string? Description { get; init; }

    /// <summary>What sets <see cref="ExpiresAt"/>, or keeps the image for good; null if it was not asked.</summary>
    public RetentionReason? ExpiryReason { get; init; }

    /// <summary>Whose values decided: the class as it is now, or as the image recorded it.</summary>
    public RetentionValuesSource? RetentionSource { get; init; }
    public IReadOnlyList<string> Tags { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    public IReadOnlyList<ByteRange> ReadErrors { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<ByteRange>());
    public IReadOnlyList<string> Warnings { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    public string? ProgramVersion { get; init; }

    /// <summary>The repository's location, as given when it was opened.</summary>
    public string? Repository { get; init; }

    /// <summary>Other names that the volume had then: links in /dev/disk, a loop device's file.</summary>
    internal IReadOnlyList<string> Aliases { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    internal string? DevicePath { get; init; }

    /// <summary>The time with the clock's offset from UTC, as it was recorded: days and weeks are counted by it.</summary>
    internal DateTimeOffset? RecordedTime { get; init; }

    /// <summary>The repository had no image of the volume before; known of the image that was just taken.</summary>
    internal bool IsFirst { get; init; }
    internal VolumeKind? VolumeKind { get; init; }

    /// <summary>False for a snapshot that restic made of a device or of standard input.</summary>
    public bool IsOurs { get; init; } = true;

    /// <summary>Bytes a second over the volume's size; null if the duration is not known.</summary>
    public double? BytesPerSecond => Duration is { TotalSeconds: > 0 } d ? SizeBytes / d.TotalSeconds : null;

    /// <summary>What a question or a message calls it.</summary>
    internal string FullName() =>
        $"{Volume} on {ComputerName}, {DisplayText.Second(BackupTime)} ({ShortId}{(IsActive ? ", active" : "")}{(IsPinned ? ", pinned" : "")})";

    /// <summary>The beginning of its id, which stands for the image wherever an id is asked for.</summary>
    public override string ToString() => ShortId;
}
