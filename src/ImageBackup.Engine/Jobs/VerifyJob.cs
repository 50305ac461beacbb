using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;

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
    /// <exception cref="ImageBackupException">ImageNotFound, ImageInvalid, a storage failure; damaged chunks are a result, not an error.</exception>
    public VerifyResult Run(string imageId, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using RepositoryLock? held = repository.LockForReading(cancellation);
        BlobIndex index = repository.LoadIndex(cancellation);
        ImageContent image = ImageContent.Load(repository, imageId, index, cancellation);
        var damaged = new ConcurrentBag<ByteRange>();
        var meter = new ProgressMeter(progress, image.Info.Volume, JobPhase.Verifying, image.SizeBytes);

        using IEnumerator<ImageChunk> chunks = image.Chunks().GetEnumerator();
        int workers = Environment.ProcessorCount;
        var pipeline = ChunkPipeline<ImageChunk>.For(workers, image.LongestChunkBytes(cancellation, allowMissing: true));
        pipeline.Run(_ =>
        {
            while (chunks.MoveNext())
            {
                cancellation.ThrowIfCancellationRequested();
                ImageChunk chunk = chunks.Current;
                if (chunk.Location is not null)
                    return chunk;
                damaged.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
            }
            return null;
        }, () => new Worker(repository, image, damaged, meter), cancellation);

        held?.ThrowIfLost();
        meter.Report();
        return new VerifyResult
        {
            ImageId = image.Info.Id,
            Volume = image.Info.Volume,
            IsWhole = damaged.IsEmpty,
            SizeBytes = image.SizeBytes,
            ChunkCount = image.ChunkCount,
            DamagedRanges = ByteRanges.Join(damaged.OrderBy(r => r.OffsetBytes)),
            Duration = clock.Elapsed,
        };
    }

    private sealed class Worker(ImageRepository repository, ImageContent image, ConcurrentBag<ByteRange> damaged, ProgressMeter meter) : ChunkPipeline<ImageChunk>.IWorker
    {
        private readonly ChunkReader _reader = new(repository, image);
        private BlobId _lastId;
        private bool _isLastWhole;

        public void Process(ReadOnlySpan<ChunkPipeline<ImageChunk>.Filled> batch)
        {
            // The zero chunk comes again and again: proving it once is enough.
            Span<bool> isLoaded = stackalloc bool[batch.Length];
            BlobId before = _lastId;
            _reader.Preload(batch, chunk =>
            {
                bool isOther = chunk.Id != before;
                before = chunk.Id;
                return isOther;
            }, isLoaded);
            for (int i = 0; i < batch.Length; i++)
            {
                (ImageChunk chunk, byte[] buffer) = batch[i];
                if (chunk.Id != _lastId)
                    (_lastId, _isLastWhole) = (chunk.Id, isLoaded[i] || _reader.TryRead(chunk, buffer, out _));
                if (!_isLastWhole)
                    damaged.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
                meter.Add(chunk.LengthBytes);
            }
        }

        public void Finish()
        {
        }

        public void Dispose() => _reader.Dispose();
    }
}
