using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What a check of a repository found.</summary>
public sealed record RepositoryCheckResult
{
    public required string Repository { get; init; }
    public required bool IsHealthy { get; init; }
    public required bool DataRead { get; init; }
    public required int PackCount { get; init; }
    public required int IndexCount { get; init; }
    public required int SnapshotCount { get; init; }
    public required long BlobCount { get; init; }
    public required long PackBytes { get; init; }

    /// <summary>Packs that no index lists: left by an interrupted backup; harmless.</summary>
    public required int UnreferencedPackCount { get; init; }
    public required IReadOnlyList<RepositoryProblem> Problems { get; init => field = JoinedList.Of(value); }

    /// <summary>What images miss lies in packs that no index lists: a repair brings it back.</summary>
    internal bool IsIndexLost { get; init; }

    /// <summary>Images that the damage reaches, and the ranges of their volumes that it takes.</summary>
    public IReadOnlyList<DamagedImage> DamagedImages { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<DamagedImage>());

    /// <summary>Packs whose every byte was read.</summary>
    public int ReadPackCount { get; init; }

    /// <summary>The name of the last pack of a sample: where the next run goes on. Null if everything or nothing was read.</summary>
    public string? SampleEnd { get; init; }
    public required TimeSpan Duration { get; init; }

    /// <summary>The repository, and whether it is healthy.</summary>
    public override string ToString() => DisplayText.Line($"{Repository}: {(IsHealthy ? "healthy" : "damaged")}");
}
