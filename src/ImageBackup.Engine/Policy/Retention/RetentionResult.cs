using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>What retention says of an image.</summary>
internal sealed record RetentionResult
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

    /// <summary>All that keeps the image now; empty if it has expired.</summary>
    public IReadOnlyList<RetentionReason> KeptBy { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<RetentionReason>());
    public RetentionValuesSource ValuesSource { get; init; }
}
