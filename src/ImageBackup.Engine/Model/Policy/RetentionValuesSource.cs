using System;

namespace ImageBackup;

/// <summary>Where the values that an image was evaluated by come from.</summary>
public enum RetentionValuesSource
{
    None,

    /// <summary>The class as it is now.</summary>
    CurrentClass,

    /// <summary>The class as the image recorded it: it no longer exists.</summary>
    Recorded,
}
