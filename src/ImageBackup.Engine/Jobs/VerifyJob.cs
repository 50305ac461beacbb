using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Jobs;

/// <summary>What a check of one image found.</summary>
public sealed record VerifyResult
{
    public required string ImageId { get; init; }
    public required string Volume { get; init; }
    public required bool IsWhole { get; init; }
    public required long SizeBytes { get; init; }
    public required long ChunkCount { get; init; }

    /// <summary>Ranges of the volume whose chunks are missing or corrupt, sorted.</summary>
    public required IReadOnlyList<ByteRange> DamagedRanges { get; init; }
    public required TimeSpan Duration { get; init; }
}

/// <summary>Reads every chunk of an image and proves it against its hash.</summary>
public sealed class VerifyJob(ImageRepository repository)
{
    public VerifyResult Run(string imageId, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        _ = repository;
        throw new NotImplementedException();
    }
}
