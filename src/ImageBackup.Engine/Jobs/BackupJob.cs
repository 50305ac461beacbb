using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>What to back up, and how.</summary>
public sealed record BackupRequest
{
    public required VolumeDescription Volume { get; init; }

    /// <summary>Null: Static where the volume is not mounted, Dynamic where it is.</summary>
    public ImageType? ImageType { get; init; }

    /// <summary>Null: by the volume's size. A power of two from 64 KiB to 4 MiB.</summary>
    public int? ChunkSizeBytes { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();

    /// <summary>Null: this machine's name.</summary>
    public string? ComputerName { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}

/// <summary>Takes one volume to one image.</summary>
public sealed class BackupJob(ImageRepository repository, IVolumeSystem volumes)
{
    /// <summary>
    /// Runs the backup. Holds a non-exclusive lock on the repository and the volume open while it runs; both are
    /// undone on every way out. On failure or cancellation nothing refers to what was written; the next backup
    /// reuses it.
    /// </summary>
    /// <exception cref="Errors.ImageBackupException">By id; see ErrorTable.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageBackupInfo Run(BackupRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        _ = repository;
        _ = volumes;
        throw new NotImplementedException();
    }
}
