using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>What to restore, and where to.</summary>
public sealed record RestoreRequest
{
    /// <summary>The snapshot's full id.</summary>
    public required string ImageId { get; init; }

    /// <summary>A volume's name (as IVolumeSystem.Find takes it) or a file's path.</summary>
    public required string Destination { get; init; }

    /// <summary>Read the target and write only what differs.</summary>
    public bool SkipUnchanged { get; init; }

    /// <summary>Read back what was written and compare.</summary>
    public bool VerifyTarget { get; init; }

    /// <summary>Replace a file that exists (once the new one is whole).</summary>
    public bool ReplaceFile { get; init; }
    public int? ThrottleLimit { get; init; }
}

/// <summary>What a restore did.</summary>
public sealed record RestoreResult
{
    public required string ImageId { get; init; }
    public required string Volume { get; init; }
    public required string Destination { get; init; }
    public required long SizeBytes { get; init; }
    public required long WrittenBytes { get; init; }
    public required long SkippedBytes { get; init; }
    public required long ZeroBytes { get; init; }
    public required bool Verified { get; init; }
    public required TimeSpan Duration { get; init; }
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
    public double? BytesPerSecond => Duration.TotalSeconds > 0 ? SizeBytes / Duration.TotalSeconds : null;
}

/// <summary>Takes one image back to a volume or a file.</summary>
public sealed class RestoreJob(ImageRepository repository, IVolumeSystem volumes)
{
    /// <summary>
    /// Checks everything that can be checked without writing: the image's chunks are all there, the target exists,
    /// is large enough, is not mounted, held, the system's or the repository's. Returns the image. Called by
    /// <see cref="Run"/> too.
    /// </summary>
    public ImageBackupInfo Check(RestoreRequest request, CancellationToken cancellation)
    {
        _ = repository;
        _ = volumes;
        throw new NotImplementedException();
    }

    public RestoreResult Run(RestoreRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        throw new NotImplementedException();
    }
}
