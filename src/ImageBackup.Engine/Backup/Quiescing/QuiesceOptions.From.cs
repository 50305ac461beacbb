using System;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

internal sealed partial record QuiesceOptions
{
    /// <summary>What the policy decided, over the machine's defaults.</summary>
    public static QuiesceOptions From(VolumePlan plan, SnapshotDefaults defaults)
    {
        if (plan is null)
            throw new ArgumentNullException(nameof(plan));
        ResolvedOptions options = plan.Options;
        return new QuiesceOptions
        {
            Plan = Attempts(plan.Type.Quiesce, options, defaults),
            IdleWait = Over(options.IdleWait, defaults.IdleWait),
            Failover = plan.Type.Failover ?? (options.Serialization.Value == SerializationMode.Dynamic ? ImageType.Dynamic : ImageType.Static),
            SnapshotProvider = ProviderOf(options, defaults),
            Snapshot = SnapshotOf(options, defaults),
            PreSnapshotCommand = options.PreSnapshotCommand.Value,
            PostSnapshotCommand = options.PostSnapshotCommand.Value,
            CommandTimeout = defaults.CommandTimeout ?? Default.CommandTimeout,
        };
    }

    /// <summary>The provider that is named, NONE, or null.</summary>
    public static string? ProviderOf(ResolvedOptions options, SnapshotDefaults defaults) =>
        options is null ? throw new ArgumentNullException(nameof(options)) : options.SnapshotProvider.Value ?? defaults?.Provider;

    /// <summary>How a snapshot would be taken.</summary>
    public static SnapshotOptions SnapshotOf(ResolvedOptions options, SnapshotDefaults defaults)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return SnapshotOf(defaults) with
        {
            CacheSizePercent = Over(options.SnapshotCacheSizePercent, defaults.CacheSizePercent),
            CacheLocation = options.SnapshotCacheLocation.Value ?? defaults.CacheLocation,
            BackupType = options.SnapshotBackupType.Value,
        };
    }

    /// <summary>By the machine's defaults alone.</summary>
    public static SnapshotOptions SnapshotOf(SnapshotDefaults defaults)
    {
        if (defaults is null)
            throw new ArgumentNullException(nameof(defaults));
        var builtIn = new SnapshotOptions();
        return builtIn with
        {
            CacheSizePercent = defaults.CacheSizePercent ?? builtIn.CacheSizePercent,
            CacheLocation = defaults.CacheLocation,
            Timeout = defaults.SnapshotTimeout ?? builtIn.Timeout,
            WriterRetries = defaults.WriterRetries ?? builtIn.WriterRetries,
            IncludeWriters = defaults.IncludeWriters,
            ExcludeWriters = defaults.ExcludeWriters,
            CreateCommand = defaults.CreateCommand,
            RemoveCommand = defaults.RemoveCommand,
        };
    }

    /// <summary>
    /// The retries that are set count for the class's way of trying; a class that tries once or never is overruled by the
    /// command line only.
    /// </summary>
    private static QuiescePolicy Attempts(QuiescePolicy attempts, ResolvedOptions options, SnapshotDefaults defaults)
    {
        int? retries = options.IdleRetries.Source == OptionSource.BuiltIn ? defaults.IdleRetries : options.IdleRetries.Value;
        bool isCommand = options.IdleRetries.Source == OptionSource.CommandLine;
        if (retries is not { } count || (!isCommand && options.Serialization.Value is SerializationMode.Static or SerializationMode.Dynamic))
            return attempts;
        return attempts with { AttemptCount = attempts.EndsDynamic ? count : 1 + count };
    }

    private static T Over<T>(ResolvedOption<T> option, T? machine)
        where T : struct =>
        option.Source == OptionSource.BuiltIn ? machine ?? option.Value : option.Value;
}
