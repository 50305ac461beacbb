using System;

namespace ImageBackup.Engine.Policy;

/// <summary>What retention knows of an image.</summary>
public sealed record RetentionImage
{
    public required string Id { get; init; }

    /// <summary>The volume's id, whatever it is called; images of one id and computer are versions of one another.</summary>
    public required string Volume { get; init; }

    /// <summary>Compared without case.</summary>
    public required string ComputerName { get; init; }
    public required DateTimeOffset Time { get; init; }

    /// <summary>Null: the image records none (restic made it).</summary>
    public string? ManagementClass { get; init; }

    /// <summary>The class's values when the image was taken; used where the class no longer exists.</summary>
    public RetentionValues? Recorded { get; init; }
}

/// <summary>
/// An administrator's statement that a volume is gone from its machine. Void once there is a later image of it.
/// Never inferred from anything.
/// </summary>
public sealed record VolumeRemoval(string Volume, string ComputerName, DateTimeOffset RemovedAt);

/// <summary>Why an image stays or goes.</summary>
public enum RetentionReason
{
    /// <summary>The newest image of a volume that exists; never expires.</summary>
    Active,

    /// <summary>Its class, now or as recorded, is not known; never expires.</summary>
    NoClass,

    /// <summary>Its time lies in the future; never expires, and pushes no other image out.</summary>
    FutureTime,

    /// <summary>Its time lies before there were images; never expires, and does not count.</summary>
    PastTime,

    /// <summary>As many newer images exist as the class keeps.</summary>
    VersionsExist,

    /// <summary>The volume is gone, and as many newer images exist as the class keeps then.</summary>
    VersionsDeleted,

    /// <summary>Days since it became inactive.</summary>
    RetainExtra,

    /// <summary>The last image of a volume that is gone: days since then.</summary>
    RetainOnly,

    /// <summary>It would go by another reason but is younger than the keep-within floor.</summary>
    KeepWithin,
}

/// <summary>Where the values that an image was judged by come from.</summary>
public enum RetentionValuesSource
{
    None,

    /// <summary>The class as it is now.</summary>
    CurrentClass,

    /// <summary>The class as the image recorded it: it no longer exists.</summary>
    Recorded,
}

/// <summary>What retention says of an image.</summary>
public sealed record RetentionVerdict
{
    public required RetentionImage Image { get; init; }

    /// <summary>The newest image of a volume that exists.</summary>
    public required bool IsActive { get; init; }

    /// <summary>When it became inactive; null while it is active (and for an image whose time lies in the future).</summary>
    public DateTimeOffset? InactiveSince { get; init; }

    /// <summary>When it expires, or did; null: never, as things stand.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>What sets <see cref="ExpiresAt"/>, or keeps the image for good. For an inactive image without a date: the limit that is NoLimit.</summary>
    public required RetentionReason Reason { get; init; }
    public required bool IsExpired { get; init; }
    public RetentionValuesSource ValuesSource { get; init; }
}
