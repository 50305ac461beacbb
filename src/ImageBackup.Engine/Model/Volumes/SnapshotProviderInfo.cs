using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>A snapshot provider as <c>Get-SnapshotProvider</c> shows it, with the machine's defaults.</summary>
public sealed record SnapshotProviderInfo
{
    public required string Name { get; init; }
    public required string Description { get; init; }
    public required bool IsUsable { get; init; }

    /// <summary>Why it cannot be used; null if it can.</summary>
    public string? WhyNot { get; init; }

    /// <summary>Taken if no provider is named: the default that was set, else the first usable one.</summary>
    public bool IsDefault { get; init; }
    public int Preference { get; init; }

    /// <summary>What Set-SnapshotProvider has set: a provider's name, or NONE; null if nothing is set.</summary>
    public string? DefaultProvider { get; init; }

    /// <summary>Several volumes can be taken at one and the same moment.</summary>
    public bool TakesSets { get; init; }

    /// <summary>The orphan snapshots of killed runs; the next backup removes them.</summary>
    public IReadOnlyList<OrphanSnapshot> Orphans { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<OrphanSnapshot>());
    public int CacheSizePercent { get; init; }
    public string? CacheLocation { get; init; }
    public TimeSpan IdleWait { get; init; }
    public int IdleRetries { get; init; }
    public TimeSpan SnapshotTimeout { get; init; }
    public TimeSpan CommandTimeout { get; init; }
    public int WriterRetries { get; init; }
    public string? CreateCommand { get; init; }
    public string? RemoveCommand { get; init; }
    public IReadOnlyList<string> IncludeWriter { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    public IReadOnlyList<string> ExcludeWriter { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>Its name, which stands for the provider wherever one is asked for.</summary>
    public override string ToString() => DisplayText.Line(Name);
}
