using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Completion;

/// <summary>The snapshot providers of this machine; a tooltip says whether each can be used, and why not.</summary>
internal class SnapshotProviderCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        // Get-, Set- and Test-SnapshotProvider can be pointed at another file.
        // -Path is a volume's other name if a command takes volumes.
        string path = bound.Contains("Volume") ? PolicyPaths.Snapshots : PathOf(bound, "Path", PolicyPaths.Snapshots);
        return _ =>
        {
            SnapshotDefaults defaults = SnapshotDefaults.Load(path);
            return Names(new SnapshotProviderList(SnapshotProviders.Current).List(defaults), defaults);
        };
    }

    private protected virtual IEnumerable<CompletionCandidate> Names(IReadOnlyList<SnapshotProviderInfo> providers, SnapshotDefaults defaults) =>
        Names(providers);

    internal static IEnumerable<CompletionCandidate> Names(IReadOnlyList<SnapshotProviderInfo> providers) =>
        providers.Select(provider => new CompletionCandidate(provider.Name, Describe(provider)));

    private static string Describe(SnapshotProviderInfo provider)
    {
        string text = provider.Description + (provider.IsUsable ? "; usable" : $"; not usable: {provider.WhyNot}");
        return provider.IsDefault ? text + " (the default)" : text;
    }
}

/// <summary>The same, and NONE: for what takes a choice and not a provider.</summary>
internal sealed class SnapshotProviderChoiceCompleter : SnapshotProviderCompleter
{
    private protected override IEnumerable<CompletionCandidate> Names(IReadOnlyList<SnapshotProviderInfo> providers, SnapshotDefaults defaults) =>
        Names(providers).Append(None(defaults));

    internal static CompletionCandidate None(SnapshotDefaults defaults) => new(
        SnapshotProviders.None,
        string.Equals(defaults.Provider, SnapshotProviders.None, StringComparison.OrdinalIgnoreCase) ? "no snapshots (the default)" : "no snapshots");
}
