using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One image in a repository, as <c>Get-ImageBackup</c> and <c>Backup-VolumeImage</c> give it. Sizes in bytes;
/// times are local. Property types are plain, so that CSV, JSON and Out-GridView show them.
/// </summary>
public sealed record ImageBackupInfo : ImageFacts
{
    public ImageBackupInfo()
    {
    }

    /// <summary>With all that the image recorded and that is shown as it is.</summary>
    internal ImageBackupInfo(ImageFacts recorded)
        : base(recorded)
    {
    }

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
    public string? FileSystem { get; init; }
    public string? Label { get; init; }
    public string? Uuid { get; init; }

    /// <summary>The file system's allocation unit in bytes.</summary>
    public int? ClusterSizeBytes { get; init; }

    /// <summary>Used bytes by the file system's own counters, if it has them.</summary>
    public long? FileSystemUsedBytes { get; init; }

    /// <summary>Whether the file system was cleanly unmounted when the image was taken; null if it cannot be told.</summary>
    public bool? IsClean { get; init; }

    /// <summary>A snapshot was to be taken and could not be had; <see cref="FailoverReason"/> says why.</summary>
    public bool IsFailedOver => FailoverReason is not null;

    /// <summary>The moment that the snapshot shows.</summary>
    public DateTime? SnapshotTime { get; init; }

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
    public string? ProgramVersion { get; init; }

    /// <summary>The repository's location, as given when it was opened.</summary>
    public string? Repository { get; init; }

    /// <summary>The time with the clock's offset from UTC, as it was recorded: days and weeks are counted by it.</summary>
    internal DateTimeOffset? RecordedTime { get; init; }

    /// <summary>The repository had no image of the volume before; known of the image that was just taken.</summary>
    internal bool IsFirst { get; init; }

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
