using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>
/// Decides every option by the order of precedence: the command, the rule that the volume hit, the management class,
/// the client-wide statements, restic's variables, the built-in values.
/// </summary>
internal sealed class OptionResolver
{
    /// <summary>restic's variable, which decides if nothing else does.</summary>
    public const string CompressionVariable = "RESTIC_COMPRESSION";
    public const int DefaultChangingRetries = 4;
    public const int DefaultSnapshotCacheSizePercent = 100;
    public static TimeSpan DefaultIdleWait { get; } = TimeSpan.FromSeconds(1);

    private readonly List<(ImageOptions Options, OptionSource Source, string? Where)> _sources = new();
    private readonly ResolvedOption<string> _class;

    private OptionResolver(ResolvedOption<string> managementClass) => _class = managementClass;

    /// <param name="command">What the command's parameters say.</param>
    /// <param name="commandClass">The class that the command names; null: it names none.</param>
    /// <param name="decision">What the rules say of the volume.</param>
    /// <param name="classes">All classes.</param>
    /// <param name="clientWide">The lists whose client-wide statements apply, the one of more weight first.</param>
    /// <exception cref="ImageBackupException">ManagementClassNotFound; ParameterInvalid: RESTIC_COMPRESSION has no value of restic's.</exception>
    public static ResolvedOptions Resolve(ImageOptions command, string? commandClass, RuleDecision decision,
        ManagementClassCatalog classes, IEnumerable<RuleDocument> clientWide)
    {
        if (command is null)
            throw new ArgumentNullException(nameof(command));
        if (decision is null)
            throw new ArgumentNullException(nameof(decision));
        if (classes is null)
            throw new ArgumentNullException(nameof(classes));
        if (clientWide is null)
            throw new ArgumentNullException(nameof(clientWide));

        var ruleWhere = decision.Rule is { } rule
            ? string.Format(CultureInfo.InvariantCulture, "{0}({1})", rule.Path, rule.Line)
            : null;
        var className = commandClass is not null ? new ResolvedOption<string>(commandClass, OptionSource.CommandLine, null)
            : decision.ManagementClass is { } ruleClass ? new ResolvedOption<string>(ruleClass, OptionSource.Rule, ruleWhere)
            : new ResolvedOption<string>(classes.Default.Name, OptionSource.BuiltIn, null);
        var managementClass = classes.Get(className.Value);

        var resolver = new OptionResolver(className with { Value = managementClass.Name });
        resolver._sources.Add((command, OptionSource.CommandLine, null));
        resolver._sources.Add((decision.Options, OptionSource.Rule, ruleWhere));
        resolver._sources.Add((managementClass.Options, OptionSource.ManagementClass, managementClass.Name));
        foreach (var document in clientWide)
            resolver._sources.Add((document.ClientOptions, OptionSource.ClientWide, document.Path));
        resolver._sources.Add((OfVariable(Environment.GetEnvironmentVariable(CompressionVariable)), OptionSource.Environment, CompressionVariable));
        return resolver.Resolve();
    }

    /// <summary>What RESTIC_COMPRESSION says; restic's names. Null or empty: nothing.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: it has no value of restic's.</exception>
    internal static ImageOptions OfVariable(string? text) => text is { Length: > 0 }
        ? OptionKeyword.TryParseCompression(text, out var compression)
            ? ImageOptions.Empty with { Compression = compression }
            : throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"The variable {CompressionVariable} has the value '{text}'. It can be off, fastest, auto, better or max.", CompressionVariable)
        : ImageOptions.Empty;

    private ResolvedOptions Resolve()
    {
        var retries = Pick(options => options.ChangingRetries, DefaultChangingRetries);
        return new ResolvedOptions
        {
            ManagementClass = _class,
            ImageType = PickOptional(options => options.ImageType),
            GapSize = Pick(options => options.GapSize, GapSize.Default),
            ChunkSize = PickOptional(options => options.ChunkSize),
            Compression = Pick(options => options.Compression, ImageCompression.Auto),
            SnapshotBackupType = Pick(options => options.SnapshotBackupType, SnapshotBackupType.Copy),
            SnapshotProvider = PickText(options => options.SnapshotProvider),
            SnapshotCacheSizePercent = Pick(options => options.SnapshotCacheSizePercent, DefaultSnapshotCacheSizePercent),
            SnapshotCacheLocation = PickText(options => options.SnapshotCacheLocation),
            IdleWait = Pick(options => options.IdleWait, DefaultIdleWait),

            // One knob if only one is set: a class's retries are how often a quiet volume is waited for, too.
            IdleRetries = Pick(options => options.IdleRetries, retries.Value) is { Source: not OptionSource.BuiltIn } idle ? idle : retries,
            PreSnapshotCommand = Command(PickText(options => options.PreSnapshotCommand)),
            PostSnapshotCommand = Command(PickText(options => options.PostSnapshotCommand)),
            Serialization = Pick(options => options.Serialization, SerializationMode.ShrStatic),
            ChangingRetries = retries,
        };
    }

    private ResolvedOption<T> Pick<T>(Func<ImageOptions, T?> get, T builtIn)
        where T : struct
    {
        var picked = PickOptional(get);
        return new ResolvedOption<T>(picked.Value ?? builtIn, picked.Source, picked.Where);
    }

    private ResolvedOption<T?> PickOptional<T>(Func<ImageOptions, T?> get)
        where T : struct
    {
        foreach (var (options, source, where) in _sources)
        {
            if (get(options) is { } value)
                return new ResolvedOption<T?>(value, source, where);
        }

        return new ResolvedOption<T?>(null, OptionSource.BuiltIn, null);
    }

    private ResolvedOption<string?> PickText(Func<ImageOptions, string?> get)
    {
        foreach (var (options, source, where) in _sources)
        {
            if (get(options) is { } value)
                return new ResolvedOption<string?>(value, source, where);
        }

        return new ResolvedOption<string?>(null, OptionSource.BuiltIn, null);
    }

    // An empty command decides that there is none.
    private static ResolvedOption<string?> Command(ResolvedOption<string?> option) =>
        string.IsNullOrWhiteSpace(option.Value) ? option with { Value = null } : option;
}
