using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// Copies a volume's chunks into a repository. <see cref="ChunkPlan"/> decides what is done with each; here it is done.
/// </summary>
/// <param name="volume">The volume and its map.</param>
/// <param name="session">Where the chunks go.</param>
/// <param name="changes">The chunk tags of the image before and of this one; null: there are none.</param>
/// <param name="workerCount">Worker threads.</param>
/// <param name="readErrorLimit">How many sectors may be unreadable.</param>
internal sealed class BackupCopy(MappedVolume volume, RepositoryWriter session, ChangeDetector? changes, int workerCount, long readErrorLimit = 0)
{
    /// <summary>Readers of a device: one that waits for a buffer must not leave it without a read, and threads are not free.</summary>
    private const int FewestReaders = 4, MostReaders = 16;

    private readonly ChunkGeometry _geometry = volume.Geometry;
    private readonly UsedRanges _used = volume.Map.Used;
    private readonly RepositoryWriter _session = session;
    private readonly ReadErrorPolicy _readErrors = new(volume.Reader, readErrorLimit);
    private readonly ZeroBlobs _zeros = new();
    private readonly BlobId[] _ids = new BlobId[volume.Geometry.ChunkCount];
    private long _newChunkCount;
    private long _newBytes;
    private long _readBytes;
    private long _zeroChunkCount;
    private int _fullZeroSeen;

    /// <summary>Runs the copy. Progress counts used bytes.</summary>
    /// <exception cref="ChunkTagMismatchException">The image before is not to be relied on: to be run again without it.</exception>
    public CopiedChunks Run(ProgressMeter meter, CancellationToken cancellation)
    {
        var source = new ChunkSource(volume.Reader, _geometry, _used, _readErrors);
        var plan = new ChunkPlan(source, changes, _session);
        var pipeline = ChunkPipeline<ChunkWork>.For(Math.Max(1, workerCount), _geometry.ChunkSizeBytes, out int batchCount, ReaderCount((volume.Reader as IQueuedReader)?.QueueBytes ?? 0, _geometry.ChunkSizeBytes));
        long next = 0;
        pipeline.Run(
            () => Next(plan, ref next, meter, cancellation),
            (work, buffer) => Fill(source, work, buffer),
            release => new Worker(this, plan, meter, batchCount, release),
            cancellation);
        return new CopiedChunks(_ids, changes)
        {
            NewChunkCount = _newChunkCount,
            NewBytes = _newBytes,
            ReadBytes = _readBytes,
            ZeroChunkCount = _zeroChunkCount,
            ReadErrors = _readErrors.Missing,
            WorkerWait = pipeline.WorkerWait,
            ReaderWait = pipeline.FillerWait,
        };
    }

    /// <summary>How many threads read ahead, a chunk each: as many as have so many bytes under way together, and of large chunks some.</summary>
    internal static int ReaderCount(int queueBytes, int chunkSizeBytes) =>
        queueBytes == 0 ? 1 : Math.Min(MostReaders, Math.Max(FewestReaders, queueBytes / chunkSizeBytes));

    /// <summary>The next chunk that a worker is needed for; of others that are zeros only the id is noted.</summary>
    private ChunkWork? Next(ChunkPlan plan, ref long next, ProgressMeter meter, CancellationToken cancellation)
    {
        while (next < _geometry.ChunkCount)
        {
            cancellation.ThrowIfCancellationRequested();
            ChunkWork work = plan.BeforeReading(next++);
            if (work.Kind != ChunkWorkKind.Zero || NoteZero(work.Chunk))
                return work;
            meter.Add(UsedBytesOf(work.Chunk));
        }
        return null;
    }

    private void Fill(ChunkSource source, in ChunkWork work, byte[] buffer)
    {
        if (work.Kind == ChunkWorkKind.Zero)
        {
            Array.Clear(buffer, 0, _geometry.LengthBytes(work.Chunk));
            return;
        }
        long usedBytes = UsedBytesOf(work.Chunk);
        WorkPace.BeforeRead(usedBytes);
        source.Fill(work.Chunk, buffer);
        Interlocked.Add(ref _readBytes, usedBytes);
    }

    /// <summary>Notes an all-zero chunk; true if it is the first of its length, which has to be stored.</summary>
    private bool NoteZero(long chunk)
    {
        int lengthBytes = _geometry.LengthBytes(chunk);
        _ids[chunk] = _zeros.Id(lengthBytes);
        Interlocked.Increment(ref _zeroChunkCount);
        // Only the last chunk can have another length than the others.
        return lengthBytes != _geometry.ChunkSizeBytes || Interlocked.Exchange(ref _fullZeroSeen, 1) == 0;
    }

    private long UsedBytesOf(long chunk)
    {
        if (_used.IsWhole)
            return _geometry.LengthBytes(chunk);
        long sum = 0;
        foreach (ByteRange part in _used.Within(new ByteRange(_geometry.OffsetBytes(chunk), _geometry.LengthBytes(chunk))))
            sum += part.LengthBytes;
        return sum;
    }

    private sealed class Worker : ChunkPipeline<ChunkWork>.IWorker
    {
        private readonly BackupCopy _copy;
        private readonly ChunkPlan _plan;
        private readonly ProgressMeter _meter;
        private readonly Action<byte[]> _release;
        private readonly BlobWriter _lane;
        private readonly Gmac? _gmac;
        private readonly HashBatch<ChunkWork> _batch;

        public Worker(BackupCopy copy, ChunkPlan plan, ProgressMeter meter, int batchCount, Action<byte[]> release)
        {
            _copy = copy;
            _plan = plan;
            _meter = meter;
            _release = release;
            _lane = copy._session.OpenLane();
            _gmac = plan.CreateGmac();
            _batch = new HashBatch<ChunkWork>(batchCount, SaveHashed, release);
        }

        public void Process(ChunkWork planned, byte[] buffer)
        {
            var content = new ArraySegment<byte>(buffer, 0, _copy._geometry.LengthBytes(planned.Chunk));
            ChunkWork work = _plan.AfterReading(planned, content, _gmac);
            switch (work.Kind)
            {
                case ChunkWorkKind.Zero:
                    // One that was known to be zeros comes here only to be stored.
                    if (planned.Kind == ChunkWorkKind.Zero || _copy.NoteZero(work.Chunk))
                        _lane.Save(BlobType.Data, _copy._ids[work.Chunk], content);
                    break;
                case ChunkWorkKind.Unchanged:
                    _copy._ids[work.Chunk] = work.Known.Id;
                    break;
                default:
                    _batch.Add(work, content);
                    return;
            }
            _release(buffer);
            _meter.Add(_copy.UsedBytesOf(work.Chunk));
        }

        private void SaveHashed(ChunkWork work, ArraySegment<byte> content, BlobId id)
        {
            if (!work.Allows(id))
                throw new ChunkTagMismatchException(_copy._geometry.OffsetBytes(work.Chunk));
            _copy._ids[work.Chunk] = id;
            if (_lane.Save(BlobType.Data, id, content) > 0)
            {
                Interlocked.Increment(ref _copy._newChunkCount);
                Interlocked.Add(ref _copy._newBytes, content.Count);
            }
            _meter.Add(_copy.UsedBytesOf(work.Chunk));
        }

        public void Drain() => _batch.HashAll();

        public void Finish() => _lane.Flush();

        public void Dispose()
        {
            _lane.Dispose();
            _gmac?.Dispose();
        }
    }
}
