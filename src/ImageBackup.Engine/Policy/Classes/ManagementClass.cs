using System;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Retention;

namespace ImageBackup.Engine.Policy.Classes;

/// <summary>
/// A management class: how long its images live and, if it says so, how they are taken. Null = the class leaves it
/// to the client-wide statements and the built-in defaults (serialization shrstatic, 4 retries, a gap of 32 KB).
/// </summary>
internal sealed record ManagementClass
{
    public const string DefaultName = "STANDARD";
    public const int MaximumNameLength = 30;

    /// <summary>Compared without case.</summary>
    public required string Name { get; init; }
    public string? Description { get; init; }
    public RetentionValues Retention { get; init; } = RetentionValues.Default;

    /// <summary>Days that must have passed since the last image before an unattended run takes another; 0 = none.</summary>
    public int FrequencyDays { get; init; }
    public SerializationMode? Serialization { get; init; }
    public int? ChangingRetries { get; init; }
    public ImageType? ImageType { get; init; }
    public GapSize? GapSize { get; init; }
    public ChunkSize? ChunkSize { get; init; }
    public ImageCompression? Compression { get; init; }
    public SnapshotBackupType? SnapshotBackupType { get; init; }

    /// <summary>Stands in the repository's document.</summary>
    public bool IsEnforced { get; init; }

    /// <summary>What the class says about how to take an image.</summary>
    public ImageOptions Options => new()
    {
        Serialization = Serialization,
        ChangingRetries = ChangingRetries,
        ImageType = ImageType,
        GapSize = GapSize,
        ChunkSize = ChunkSize,
        Compression = Compression,
        SnapshotBackupType = SnapshotBackupType,
    };

    /// <summary>The class as <c>Get-ManagementClass</c> shows it.</summary>
    /// <param name="isDefault">It applies to a volume if no rule names a class.</param>
    /// <param name="classPath">The file that it stands in; null: the repository keeps it, or it is built in.</param>
    /// <param name="source">Where it comes from, in words.</param>
    public ManagementClassInfo ToInfo(bool isDefault, string? classPath, string source) => new()
    {
        Name = Name,
        IsDefault = isDefault,
        Description = Description,
        VersionsExist = Retention.VersionsExist.ToString(),
        VersionsDeleted = Retention.VersionsDeleted.ToString(),
        RetainExtra = Retention.RetainExtraDays.ToString(),
        RetainOnly = Retention.RetainOnlyDays.ToString(),
        KeepLast = Retention.KeepLast?.ToString(),
        KeepDaily = Retention.KeepDaily?.ToString(),
        KeepWeekly = Retention.KeepWeekly?.ToString(),
        KeepMonthly = Retention.KeepMonthly?.ToString(),
        KeepYearly = Retention.KeepYearly?.ToString(),
        KeepWithin = Retention.KeepWithin,
        KeepTags = Retention.KeepTags,
        Frequency = FrequencyDays,
        Serialization = Serialization,
        ChangingRetries = ChangingRetries,
        ImageType = ImageType,
        GapSize = GapSize?.ToString(),
        ChunkSize = ChunkSize?.ToString(),
        Compression = Compression,
        SnapshotBackupType = SnapshotBackupType,
        Enforced = IsEnforced,
        ClassPath = classPath,
        Source = source,
    };

    public static bool IsSameName(string? one, string? other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    /// <summary>1 to 30 letters, digits and _ . - + &amp;, as TSM's names.</summary>
    public static bool IsValidName(string? name)
    {
        if (name is null || name.Length is 0 or > MaximumNameLength)
            return false;
        foreach (var c in name)
        {
            if (c is not ((>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '_' or '.' or '-' or '+' or '&'))
                return false;
        }

        return true;
    }

    /// <summary>An unattended run may take an image now.</summary>
    /// <param name="lastImage">When the volume's newest image was taken; null = there is none.</param>
    /// <param name="now">The clock.</param>
    public bool IsDue(DateTimeOffset? lastImage, DateTimeOffset now) =>
        lastImage is not { } last || last > now || now - last >= TimeSpan.FromDays(FrequencyDays);

    /// <summary>The same class, its values checked.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public ManagementClass Checked()
    {
        if (!IsValidName(Name))
            throw Invalid($"'{Name}' cannot be a management class's name: 1 to 30 letters, digits and _ . - + &.");
        if (Retention.VersionsExist.Value == 0)
            throw Invalid("VersionsExist must be 1 or more: the active image is one of them.");
        if (Retention.KeepWithin is { } within && !KeepPeriod.TryParse(within, out _))
            throw Invalid($"'{within}' cannot be KeepWithin: a length of time is needed, such as 1y6m14d12h (years, months, days, hours).");
        foreach (string tags in Retention.KeepTags)
        {
            if (tags.Length == 0 || HasControl(tags) || Array.Exists(tags.Split(','), tag => tag.Trim().Length == 0))
                throw Invalid($"'{tags}' cannot be in KeepTags: a tag is blank.");
        }
        if (FrequencyDays is < 0 or > RetentionLimit.Maximum)
            throw Invalid("Frequency must be 0 to 9999 days.");
        if (ChangingRetries is < 0 or > 99)
            throw Invalid("ChangingRetries must be 0 to 99.");
        if (Description is { } description && (description.Length > 255 || HasControl(description)))
            throw Invalid("A description has at most 255 characters and no control characters.");
        return this;

        ImageBackupException Invalid(string message) => new(ErrorId.ParameterInvalid, message, Name);
    }

    private static bool HasControl(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c))
                return true;
        }

        return false;
    }
}
