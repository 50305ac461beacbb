using System;

namespace ImageBackup;

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

    /// <summary>It would go by another reason but is younger than the command's floor or its class's keep-within.</summary>
    KeepWithin,

    /// <summary>A person pinned it; never expires.</summary>
    Pinned,

    /// <summary>One of the newest, as many as the class's keep-last says.</summary>
    KeepLast,

    /// <summary>The newest of its day, and keep-daily reaches so far.</summary>
    KeepDaily,

    /// <summary>The newest of its week, and keep-weekly reaches so far.</summary>
    KeepWeekly,

    /// <summary>The newest of its month, and keep-monthly reaches so far.</summary>
    KeepMonthly,

    /// <summary>The newest of its year, and keep-yearly reaches so far.</summary>
    KeepYearly,

    /// <summary>It has tags that its class keeps.</summary>
    KeepTags,
}
