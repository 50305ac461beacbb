using System;
using System.Collections.Generic;

namespace ImageBackup;

/// <summary>How long images of a class live; the defaults are TSM's. Recorded with every image.</summary>
public sealed record RetentionValues
{
    public static RetentionValues Default { get; } = new();

    /// <summary>Images kept while the volume exists, the active one counted: 1 to 9999 or no limit.</summary>
    public RetentionLimit VersionsExist { get; init; } = 2;

    /// <summary>Images kept once the volume is gone: 0 to 9999 or no limit.</summary>
    public RetentionLimit VersionsDeleted { get; init; } = 1;

    /// <summary>Days that an image is kept after it became inactive; not for the last one of a volume that is gone.</summary>
    public RetentionLimit RetainExtraDays { get; init; } = 30;

    /// <summary>Days that the last image of a volume is kept after the volume is gone.</summary>
    public RetentionLimit RetainOnlyDays { get; init; } = 60;

    /// <summary>restic's keep-last: so many newest images are kept whatever the limits above say. Null, as for all that follow: not used.</summary>
    public RetentionLimit? KeepLast { get; init; }

    /// <summary>restic's keep-daily: of so many days the newest image.</summary>
    public RetentionLimit? KeepDaily { get; init; }

    /// <summary>restic's keep-weekly: of so many weeks (ISO 8601) the newest image.</summary>
    public RetentionLimit? KeepWeekly { get; init; }

    /// <summary>restic's keep-monthly: of so many months the newest image.</summary>
    public RetentionLimit? KeepMonthly { get; init; }

    /// <summary>restic's keep-yearly: of so many years the newest image.</summary>
    public RetentionLimit? KeepYearly { get; init; }

    /// <summary>restic's keep-within: images that are younger than the newest one by less than this, such as 1y6m14d12h.</summary>
    public string? KeepWithin { get; init; }

    /// <summary>restic's keep-tag: images that have one of these tags; of tags joined by commas all.</summary>
    public IReadOnlyList<string> KeepTags { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The four values in words, in the order in which they apply.</summary>
    public override string ToString() =>
        $"{VersionsExist} versions, {VersionsDeleted} once the volume is gone; {RetainExtraDays} days, the last {RetainOnlyDays}";
}
