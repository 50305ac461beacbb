using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Policy;

namespace ImageBackup.Engine.Jobs;

/// <summary>One option of a backup, and who decided it. Names are those of the parameters of Backup-VolumeImage.</summary>
public sealed record DecidedOption
{
    public required string Name { get; init; }

    /// <summary>As the rule syntax writes it; null: nobody asked for anything.</summary>
    public string? Value { get; init; }
    public OptionSource Source { get; init; }

    /// <summary>The rule's file and line, the class's name, the client-wide list's path; null for the others.</summary>
    public string? Where { get; init; }

    public override string ToString() => DisplayText.Line(Where is null ? $"{Name}={Value} ({Source})" : $"{Name}={Value} ({Source} {Where})");

    internal static IReadOnlyList<DecidedOption> AllOf(ResolvedOptions options) =>
    [
        Of("ManagementClass", options.ManagementClass, name => name),
        Of("ImageType", options.ImageType, type => type?.ToString().ToLowerInvariant()),
        Of("GapSize", options.GapSize, gap => gap.ToString()),
        Of("SnapshotProvider", options.SnapshotProvider, name => name),
        Of("SnapshotCacheSize", options.SnapshotCacheSizePercent, Number),
        Of("SnapshotCacheLocation", options.SnapshotCacheLocation, place => place),
        Of("IdleWait", options.IdleWait, wait => wait.TotalSeconds.ToString(CultureInfo.InvariantCulture) + "s"),
        Of("IdleRetries", options.IdleRetries, Number),
        Of("PreSnapshotCommand", options.PreSnapshotCommand, command => command),
        Of("PostSnapshotCommand", options.PostSnapshotCommand, command => command),
        Of("Serialization", options.Serialization, mode => mode.ToString().ToLowerInvariant()),
        Of("ChangingRetries", options.ChangingRetries, Number),
    ];

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static DecidedOption Of<T>(string name, ResolvedOption<T> option, Func<T, string?> text) =>
        new() { Name = name, Value = text(option.Value), Source = option.Source, Where = option.Where };
}
