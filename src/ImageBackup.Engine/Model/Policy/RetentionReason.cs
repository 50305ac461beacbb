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

    /// <summary>It would go by another reason but is younger than the keep-within floor.</summary>
    KeepWithin,
}
