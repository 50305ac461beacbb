using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Policy;

/// <summary>Who decided an option, in the order of precedence.</summary>
public enum OptionSource
{
    CommandLine,
    Rule,
    ManagementClass,
    ClientWide,

    /// <summary>Nobody: the built-in value.</summary>
    BuiltIn,
}

/// <summary>An option's value and who decided it; the image records both.</summary>
/// <param name="Value">What applies.</param>
/// <param name="Source">Who said so.</param>
/// <param name="Where">The rule's file and line, the class's name, the client-wide list's path; null for the others.</param>
public sealed record ResolvedOption<T>(T Value, OptionSource Source, string? Where);

/// <summary>Every option of a backup, decided.</summary>
public sealed record ResolvedOptions
{
    public required ResolvedOption<string> ManagementClass { get; init; }

    /// <summary>Null value: nobody asked for a type; see <see cref="ImageTypeDecision"/>.</summary>
    public required ResolvedOption<ImageType?> ImageType { get; init; }
    public required ResolvedOption<GapSize> GapSize { get; init; }

    /// <summary>Null value: whichever provider the system has; NONE: none.</summary>
    public required ResolvedOption<string?> SnapshotProvider { get; init; }
    public required ResolvedOption<int> SnapshotCacheSizePercent { get; init; }
    public required ResolvedOption<string?> SnapshotCacheLocation { get; init; }
    public required ResolvedOption<TimeSpan> IdleWait { get; init; }
    public required ResolvedOption<int> IdleRetries { get; init; }

    /// <summary>Null value: no command.</summary>
    public required ResolvedOption<string?> PreSnapshotCommand { get; init; }

    /// <summary>Null value: no command.</summary>
    public required ResolvedOption<string?> PostSnapshotCommand { get; init; }
    public required ResolvedOption<SerializationMode> Serialization { get; init; }
    public required ResolvedOption<int> ChangingRetries { get; init; }

    public bool AreSnapshotsOff => string.Equals(SnapshotProvider.Value, "NONE", StringComparison.OrdinalIgnoreCase);
}
