using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Verify;

/// <summary>Reads every chunk of an image once, pack by pack, and proves it against its hash.</summary>
internal sealed class VerifyJob(ImageRepository repository)
{
    /// <exception cref="ImageBackupException">ImageNotFound, ImageInvalid, a storage failure; damaged chunks are a result, not an error.</exception>
    public VerifyResult Run(string imageId, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using IDisposable? fresh = repository.Files.PassCache(StoredKind.Pack);
        using RepositoryLock? held = repository.LockForReading(cancellation, JitWarmup.Run);
        BlobIndex index = repository.LoadIndex(cancellation);
        ImageContent image = ImageContent.Load(repository, imageId, index, cancellation);
        var damaged = new ConcurrentBag<ByteRange>();
        var meter = new ProgressMeter(progress, image.Info.Volume, JobPhase.Verifying, image.SizeBytes);

        int longestChunkBytes = image.LongestChunkBytes(cancellation, allowMissing: true);
        var pipeline = new ImageReadPipeline(repository, image, Environment.ProcessorCount, longestChunkBytes);
        var zeros = new HashSet<BlobId>();
        bool hasOthers = false;
        foreach (ImageChunk chunk in image.Chunks())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!ImageReadPipeline.CanPlan(chunk))
                hasOthers = true;
            // The zero chunk comes again and again: proving it once is enough.
            else if (chunk.IsZero && !zeros.Add(chunk.Id))
                meter.Add(chunk.LengthBytes);
            else
                pipeline.Add(chunk);
        }
        var damagedZeros = new ConcurrentBag<BlobId>();
        pipeline.Run(hasOthers ? image.Chunks().Where(chunk => !ImageReadPipeline.CanPlan(chunk)) : [], () => new Worker(repository, image, chunk =>
        {
            if (zeros.Contains(chunk.Id))
                damagedZeros.Add(chunk.Id);
            else
                damaged.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
        }, meter), cancellation);
        if (!damagedZeros.IsEmpty)
        {
            foreach (ImageChunk chunk in image.Chunks().Where(chunk => damagedZeros.Contains(chunk.Id)))
                damaged.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
        }

        held?.ThrowIfLost();
        meter.Report();
        return new VerifyResult
        {
            ImageId = image.Info.Id,
            Volume = image.Info.Volume,
            VolumeId = image.Info.VolumeId,
            IsWhole = damaged.IsEmpty,
            SizeBytes = image.SizeBytes,
            ChunkCount = image.ChunkCount,
            DamagedRanges = ByteRanges.Join(damaged.OrderBy(r => r.OffsetBytes)),
            Duration = clock.Elapsed,
        };
    }

    private sealed class Worker(ImageRepository repository, ImageContent image, Action<ImageChunk> onDamage, ProgressMeter meter) : ImageReadPipeline.IWorker
    {
        private readonly ChunkReader _reader = new(repository, image);

        public void Use(ImageChunk chunk, byte[] content, bool isWhole)
        {
            if (!isWhole && !_reader.TryRead(chunk, content, out _))
                onDamage(chunk);
            meter.Add(chunk.LengthBytes);
        }

        public void Process(ImageChunk chunk, byte[] buffer) => Use(chunk, buffer, isWhole: false);

        public void Dispose() => _reader.Dispose();
    }
}
