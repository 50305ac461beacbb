using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.VolumeSnapshots.Commands;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>The providers that this process knows. Any thread.</summary>
internal sealed class SnapshotProviders
{
    /// <summary>What turns snapshots off, as a provider's name.</summary>
    public const string None = "NONE";

    private static readonly object s_gate = new();
    private static SnapshotProviders? s_current;

    public SnapshotProviders(IEnumerable<ISnapshotProvider> providers) =>
        All = [.. (providers ?? throw new ArgumentNullException(nameof(providers))).OrderBy(provider => provider.Preference)];

    /// <summary>The running system's, and what was registered.</summary>
    public static SnapshotProviders Current
    {
        get
        {
            lock (s_gate)
                return s_current ??= new SnapshotProviders(SystemSnapshotProviders.Create()) { PostCommands = PostCommandRecords.Current };
        }
    }

    /// <summary>By preference.</summary>
    public IReadOnlyList<ISnapshotProvider> All { get; }

    /// <summary>Where commands are written down that must run after a snapshot; null: nowhere (tests).</summary>
    internal PostCommandRecords? PostCommands { get; init; }

    /// <summary>Adds one that lives in another assembly (VSS). A second of the same name replaces the first.</summary>
    public static void Register(ISnapshotProvider provider)
    {
        if (provider is null)
            throw new ArgumentNullException(nameof(provider));
        lock (s_gate)
            s_current = new SnapshotProviders(Current.All.Where(known => !IsNamed(known, provider.Name)).Append(provider)) { PostCommands = PostCommandRecords.Current };
    }

    /// <exception cref="ImageBackupException">SnapshotProviderNotFound.</exception>
    public ISnapshotProvider Get(string name) => All.FirstOrDefault(provider => IsNamed(provider, name))
        ?? throw new ImageBackupException(ErrorId.SnapshotProviderNotFound,
            $"There is no snapshot provider '{name}' on this system; it has {string.Join(", ", All.Select(provider => provider.Name).DefaultIfEmpty("none"))}.", name);

    /// <summary>The provider that would take the volume, and why there is none.</summary>
    /// <param name="volume">Which one.</param>
    /// <param name="name">Only this one; null: whichever can.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ImageBackupException">SnapshotProviderNotFound: one that does not exist was named.</exception>
    public (ISnapshotProvider? Provider, string? WhyNot) Choose(VolumeDescription volume, string? name, SnapshotOptions options)
    {
        if (string.Equals(name, None, StringComparison.OrdinalIgnoreCase))
            return (null, "snapshots are turned off");
        IEnumerable<ISnapshotProvider> candidates = name is null ? All : [Get(name)];
        var reasons = new List<string>();
        foreach (ISnapshotProvider provider in candidates)
        {
            SnapshotSupport ability = provider.CheckMachine(options);
            if (ability.IsUsable)
                ability = provider.CheckVolume(volume, options);
            if (ability.IsUsable)
                return (provider, null);
            reasons.Add($"{provider.Name}: {ability.WhyNot}");
        }
        return (null, reasons.Count == 0 ? "this system has no snapshot provider" : string.Join("; ", reasons));
    }

    private static bool IsNamed(ISnapshotProvider provider, string name) => string.Equals(provider.Name, name, StringComparison.OrdinalIgnoreCase);
}
