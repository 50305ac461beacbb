using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One management class as <c>Get-ManagementClass</c> gives it. Null: the class does not say.</summary>
public sealed record ManagementClassInfo
{
    public required string Name { get; init; }

    /// <summary>What applies if no rule names a class.</summary>
    public required bool IsDefault { get; init; }
    public string? Description { get; init; }

    /// <summary>Images kept while the volume exists: a number, or NoLimit.</summary>
    public required string VersionsExist { get; init; }

    /// <summary>Images kept once the volume is gone: a number, or NoLimit.</summary>
    public required string VersionsDeleted { get; init; }

    /// <summary>Days that an inactive image is kept: a number, or NoLimit.</summary>
    public required string RetainExtra { get; init; }

    /// <summary>Days that the last image of a volume that is gone is kept: a number, or NoLimit.</summary>
    public required string RetainOnly { get; init; }

    /// <summary>restic's keep rules: a number, or NoLimit; null: the class does not use the rule.</summary>
    public string? KeepLast { get; init; }
    public string? KeepDaily { get; init; }
    public string? KeepWeekly { get; init; }
    public string? KeepMonthly { get; init; }
    public string? KeepYearly { get; init; }

    /// <summary>Images younger than the newest one by less than this are kept: 1y6m14d12h.</summary>
    public string? KeepWithin { get; init; }

    /// <summary>Images with one of these tags are kept; of tags joined by commas all are needed.</summary>
    public IReadOnlyList<string> KeepTags { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>Days between the images that unattended runs take.</summary>
    public int Frequency { get; init; }
    public SerializationMode? Serialization { get; init; }
    public int? ChangingRetries { get; init; }
    public ImageType? ImageType { get; init; }
    public string? GapSize { get; init; }

    /// <summary>With its unit: 64k, 1m. Null: by the volume's size.</summary>
    public string? ChunkSize { get; init; }
    public ImageCompression? Compression { get; init; }

    /// <summary>What applications that take part in a volume snapshot are told.</summary>
    public SnapshotBackupType? SnapshotBackupType { get; init; }

    /// <summary>The repository keeps it.</summary>
    public bool Enforced { get; init; }

    /// <summary>The file that it stands in; null: the repository keeps it, or it is built in.</summary>
    public string? ClassPath { get; init; }

    /// <summary>Where it comes from: the file, the repository, or built in.</summary>
    public required string Source { get; init; }

    /// <summary>Its name, which stands for the class wherever one is asked for.</summary>
    public override string ToString() => DisplayText.Line(Name);
}
