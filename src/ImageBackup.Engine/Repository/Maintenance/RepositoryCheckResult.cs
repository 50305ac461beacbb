using System;
using System.Collections.Generic;
using ImageBackup.Engine.Errors;

namespace ImageBackup.Engine.Repository;

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
    public required IReadOnlyList<RepositoryProblem> Problems { get; init; }
    public required TimeSpan Duration { get; init; }
}

/// <summary>One thing that is wrong: the stable error id, the file, and what.</summary>
public sealed record RepositoryProblem(ErrorId ErrorId, string File, string Message);
