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

namespace ImageBackup.Engine.Verify;

/// <summary>Reads every chunk of an image and proves it against its hash.</summary>
internal sealed class VerifyJob(ImageRepository repository)
{
    /// <exception cref="ImageBackupException">ImageNotFound, ImageInvalid, a storage failure; damaged chunks are a result, not an error.</exception>
    public VerifyResult Run(string imageId, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using RepositoryLock? held = repository.LockForReading(cancellation, JitWarmup.Run);
        BlobIndex index = repository.LoadIndex(cancellation);
        ImageContent image = ImageContent.Load(repository, imageId, index, cancellation);
        var damaged = new ConcurrentBag<ByteRange>();
        var meter = new ProgressMeter(progress, image.Info.Volume, JobPhase.Verifying, image.SizeBytes);

        using IEnumerator<ImageChunk> chunks = image.Chunks().GetEnumerator();
        int workers = Environment.ProcessorCount;
        var pipeline = ChunkPipeline<ImageChunk>.For(workers, image.LongestChunkBytes(cancellation, allowMissing: true), out int batchCount);
        pipeline.Run(() =>
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
        }, fill: null, release => new Worker(repository, image, damaged, meter, batchCount, release), cancellation);

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

    private sealed class Worker : ChunkPipeline<ImageChunk>.IWorker
    {
        private readonly ConcurrentBag<ByteRange> _damaged;
        private readonly ProgressMeter _meter;
        private readonly Action<byte[]> _release;
        private readonly ChunkReader _reader;
        private readonly HashBatch<ImageChunk> _unnamed;
        private BlobId _zeroId;

        public Worker(ImageRepository repository, ImageContent image, ConcurrentBag<ByteRange> damaged, ProgressMeter meter, int batchCount, Action<byte[]> release)
        {
            _damaged = damaged;
            _meter = meter;
            _release = release;
            _reader = new ChunkReader(repository, image);
            _unnamed = new HashBatch<ImageChunk>(batchCount, Note, release);
        }

        public void Process(ImageChunk chunk, byte[] buffer)
        {
            // The zero chunk comes again and again: proving it once is enough.
            bool isProven = chunk.IsZero && chunk.Id == _zeroId;
            if (!isProven && _reader.TryReadUnhashed(chunk, buffer))
            {
                _unnamed.Add(chunk, new ArraySegment<byte>(buffer, 0, chunk.LengthBytes));
                return;
            }
            Note(chunk, isProven || _reader.TryRead(chunk, buffer, out _));
            _release(buffer);
        }

        private void Note(ImageChunk chunk, ArraySegment<byte> content, BlobId id) =>
            Note(chunk, id == chunk.Id || _reader.TryRead(chunk, content.Array!, out _));

        private void Note(ImageChunk chunk, bool isWhole)
        {
            if (!isWhole)
                _damaged.Add(new ByteRange(chunk.OffsetBytes, chunk.LengthBytes));
            else if (chunk.IsZero)
                _zeroId = chunk.Id;
            _meter.Add(chunk.LengthBytes);
        }

        public void Drain() => _unnamed.NameAll();

        public void Finish()
        {
        }

        public void Dispose() => _reader.Dispose();
    }
}
