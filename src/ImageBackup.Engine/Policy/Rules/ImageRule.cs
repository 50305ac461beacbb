using System.Globalization;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary><c>include.image pattern [class] [option=value ...]</c> or <c>exclude.image pattern</c>.</summary>
internal sealed record ImageRule(string Path, int Line, RuleKind Kind, VolumePattern Pattern) : RuleStatement(Path, Line)
{
    /// <summary>Null: the default class. Class names are compared without case.</summary>
    public string? ManagementClass { get; init; }
    public ImageOptions Options { get; init; } = ImageOptions.Empty;

    /// <summary>Stands in the repository's list, which is evaluated first.</summary>
    public bool IsEnforced { get; init; }

    /// <summary>The line as written, without the blanks around it.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>The rule as <c>Get-IncludeImage</c> shows it.</summary>
    /// <param name="order">Its place in the order of evaluation, from 1.</param>
    public RuleInfo ToInfo(int order) => new()
    {
        Order = order,
        Kind = Kind,
        Volume = Pattern.Text,
        ManagementClass = ManagementClass,
        ImageType = Options.ImageType,
        GapSize = Options.GapSize?.ToString(),
        ChunkSize = Options.ChunkSize?.ToString(),
        Compression = Options.Compression,
        SnapshotBackupType = Options.SnapshotBackupType,
        SnapshotProvider = Options.SnapshotProvider,
        SnapshotCacheSize = Options.SnapshotCacheSizePercent,
        SnapshotCacheLocation = Options.SnapshotCacheLocation,
        IdleWait = Options.IdleWait,
        IdleRetries = Options.IdleRetries,
        PreSnapshotCommand = Options.PreSnapshotCommand,
        PostSnapshotCommand = Options.PostSnapshotCommand,
        Serialization = Options.Serialization,
        ChangingRetries = Options.ChangingRetries,
        Options = Options.ToString(),
        Enforced = IsEnforced,
        RulePath = Path,
        Line = Line,
        Source = string.Format(CultureInfo.InvariantCulture, "{0}({1})", Path, Line),
        Text = Text,
    };
}
