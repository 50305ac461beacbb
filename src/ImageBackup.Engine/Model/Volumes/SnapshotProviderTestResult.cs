using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What <c>Test-SnapshotProvider</c> found.</summary>
public sealed record SnapshotProviderTestResult
{
    public required string Volume { get; init; }

    /// <summary>The provider that was tried; null if none can take the volume.</summary>
    public string? Provider { get; init; }
    public required bool IsGood { get; init; }

    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Fault { get; init; }

    /// <summary>How long the snapshot took to take, and to remove.</summary>
    public TimeSpan? CreateTime { get; init; }
    public TimeSpan? RemoveTime { get; init; }
    public long? CacheBytes { get; init; }
    public IReadOnlyList<string> Warnings { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The volume, the provider and what came of it.</summary>
    public override string ToString() => DisplayText.Line($"{Volume}: {Provider ?? "no provider"}: {(IsGood ? "good" : Fault)}");
}
