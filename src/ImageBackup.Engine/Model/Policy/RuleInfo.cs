using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One rule as <c>Get-IncludeImage</c> gives it. Null: the rule does not say. Property types are plain, so that CSV, JSON
/// and Out-GridView show them.
/// </summary>
public sealed record RuleInfo
{
    /// <summary>Its place in the order of evaluation, from 1: of two that match, the lower one counts.</summary>
    public required int Order { get; init; }
    public required RuleKind Kind { get; init; }

    /// <summary>The pattern.</summary>
    public required string Volume { get; init; }
    public string? ManagementClass { get; init; }
    public ImageType? ImageType { get; init; }

    /// <summary>With its unit: 32k, 1m; 0 stores everything.</summary>
    public string? GapSize { get; init; }

    /// <summary>With its unit: 64k, 1m. Null: by the volume's size.</summary>
    public string? ChunkSize { get; init; }
    public ImageCompression? Compression { get; init; }

    /// <summary>What applications that take part in a volume snapshot are told.</summary>
    public SnapshotBackupType? SnapshotBackupType { get; init; }
    public string? SnapshotProvider { get; init; }

    /// <summary>Percent of the volume.</summary>
    public int? SnapshotCacheSize { get; init; }
    public string? SnapshotCacheLocation { get; init; }
    public TimeSpan? IdleWait { get; init; }
    public int? IdleRetries { get; init; }
    public string? PreSnapshotCommand { get; init; }
    public string? PostSnapshotCommand { get; init; }
    public SerializationMode? Serialization { get; init; }
    public int? ChangingRetries { get; init; }

    /// <summary>
    /// The volumes of this machine that the pattern matches, by name. Empty: no volume that is here now. Null: it was not looked up, or
    /// cannot be told. Another rule that is evaluated before this one may decide about them.
    /// </summary>
    public IReadOnlyList<string>? Matches { get; init => field = value is null ? null : JoinedList.Of(value); }

    /// <summary>All options of the rule, as the rule syntax writes them.</summary>
    public string Options { get; init; } = string.Empty;

    /// <summary>It stands in the repository's list, which goes before the machine's.</summary>
    public bool Enforced { get; init; }

    /// <summary>The file that it stands in, or what stands for the repository's list.</summary>
    public required string RulePath { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>The list and the line.</summary>
    public required string Source { get; init; }

    /// <summary>The line as written.</summary>
    public required string Text { get; init; }

    /// <summary>The rule as written.</summary>
    public override string ToString() => DisplayText.Line(Text);
}
