using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.Repository;

/// <summary>An open repository in restic's format. Safe for use from several threads.</summary>
public sealed class ImageRepository : IDisposable
{
    private ImageRepository() => throw new NotImplementedException();

    /// <summary>As given when it was opened, made absolute.</summary>
    public string Location { get; } = "";

    /// <summary>The repository's id: 64 hexadecimal digits.</summary>
    public string Id { get; } = "";
    public int FormatVersion { get; }

    /// <summary>Creates a repository of format 2 in an empty or absent directory, and opens it.</summary>
    public static ImageRepository Create(string location, RepositoryPassword password, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <exception cref="Errors.ImageBackupException">RepositoryNotFound, RepositoryInvalid, RepositoryVersionUnsupported, WrongPassword, KeyCorrupt, RepositoryAccessDenied.</exception>
    public static ImageRepository Open(string location, RepositoryPassword password, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>Checks the structure; with <paramref name="readData"/> every byte of every pack.</summary>
    public RepositoryCheckResult Check(bool readData, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>Removes stale locks, or with <paramref name="all"/> every lock. Returns what was removed.</summary>
    public IReadOnlyList<RepositoryLockInfo> RemoveLocks(bool all, CancellationToken cancellation) =>
        throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A lock file's facts.</summary>
public sealed record RepositoryLockInfo(
    string Id, DateTime Time, bool IsExclusive, string ComputerName, string UserName, int ProcessId, bool IsStale);

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

    /// <summary>Packs that nothing lists: left by an interrupted backup; harmless.</summary>
    public required int UnreferencedPackCount { get; init; }
    public required IReadOnlyList<RepositoryProblem> Problems { get; init; }
    public required TimeSpan Duration { get; init; }
}

/// <summary>One thing that is wrong: the stable error id, the file, and what.</summary>
public sealed record RepositoryProblem(Errors.ErrorId ErrorId, string File, string Message);
