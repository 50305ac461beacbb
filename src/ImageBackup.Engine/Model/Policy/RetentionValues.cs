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

    /// <summary>The four values in words, in the order in which they apply.</summary>
    public override string ToString() =>
        $"{VersionsExist} versions, {VersionsDeleted} once the volume is gone; {RetainExtraDays} days, the last {RetainOnlyDays}";
}
