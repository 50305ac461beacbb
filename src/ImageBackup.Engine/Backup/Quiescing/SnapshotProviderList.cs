using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>Joins the providers with the machine's defaults.</summary>
internal sealed class SnapshotProviderList(SnapshotProviders providers)
{
    /// <exception cref="ImageBackupException">SnapshotProviderNotFound.</exception>
    public IReadOnlyList<SnapshotProviderInfo> List(SnapshotDefaults defaults, string? name = null)
    {
        if (defaults is null)
            throw new ArgumentNullException(nameof(defaults));
        SnapshotOptions options = QuiesceOptions.SnapshotOf(defaults);
        List<(ISnapshotProvider Provider, SnapshotSupport Ability)> all = [.. providers.All.Select(provider => (provider, provider.CheckMachine(options)))];
        string? byDefault = defaults.Provider ?? all.FirstOrDefault(one => one.Ability.IsUsable).Provider?.Name;
        ISnapshotProvider? wanted = name is null ? null : providers.Get(name);
        return [.. all.Where(one => wanted is null || one.Provider == wanted).Select(one => new SnapshotProviderInfo
        {
            Name = one.Provider.Name,
            Description = one.Ability.Detail is { } detail ? $"{one.Provider.Description}; {detail}" : one.Provider.Description,
            IsUsable = one.Ability.IsUsable,
            WhyNot = one.Ability.WhyNot,
            IsDefault = string.Equals(one.Provider.Name, byDefault, StringComparison.OrdinalIgnoreCase),
            DefaultProvider = defaults.Provider,
            IncludeWriter = JoinedList.Of(defaults.IncludeWriters),
            ExcludeWriter = JoinedList.Of(defaults.ExcludeWriters),
            Preference = one.Provider.Preference,
            TakesSets = one.Provider.TakesSets,
            Orphans = one.Provider.FindOrphans(),
            CacheSizePercent = options.CacheSizePercent,
            CacheLocation = options.CacheLocation,
            IdleWait = defaults.IdleWait ?? OptionResolver.DefaultIdleWait,
            IdleRetries = defaults.IdleRetries ?? OptionResolver.DefaultChangingRetries,
            SnapshotTimeout = options.Timeout,
            CommandTimeout = defaults.CommandTimeout ?? QuiesceOptions.Default.CommandTimeout,
            WriterRetries = options.WriterRetries,
            CreateCommand = defaults.CreateCommand,
            RemoveCommand = defaults.RemoveCommand,
        })];
    }

    /// <summary>The writers of the providers that have some, or of the one that is named.</summary>
    /// <exception cref="ImageBackupException">SnapshotProviderNotFound; SnapshotUnavailable: they cannot be asked.</exception>
    public IReadOnlyList<SnapshotWriter> ListWriters(SnapshotDefaults defaults, string? name, CancellationToken cancellation)
    {
        SnapshotOptions options = QuiesceOptions.SnapshotOf(defaults);
        IEnumerable<ISnapshotProvider> asked = name is null ? providers.All : [providers.Get(name)];
        return [.. asked.OfType<IWriterProvider>().SelectMany(provider => provider.ListWriters(options, cancellation))];
    }
}
