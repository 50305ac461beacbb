using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>An application that takes part in snapshots (a VSS writer), as <c>Get-SnapshotProvider -Writers</c> shows it.</summary>
public sealed record SnapshotWriter
{
    public required string Name { get; init; }

    /// <summary>The writer's class id; -ExcludeWriter takes it as well as the name.</summary>
    public required Guid Id { get; init; }

    /// <summary>This instance of it.</summary>
    public required Guid InstanceId { get; init; }

    /// <summary>How it is, in words: "stable", "failed at the freeze".</summary>
    public required string State { get; init; }

    /// <summary>Why it failed, in words and with its number; null if it did not.</summary>
    public string? Failure { get; init; }

    /// <summary>What it has, each with the path of what it is under: "Registry", "server\database".</summary>
    public IReadOnlyList<string> Components { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>Its name and how it is.</summary>
    public override string ToString() => DisplayText.Line($"{Name}: {State}");
}
