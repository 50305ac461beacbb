using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>The copying part of a backup: every chunk of a volume through hash, dedupe, compress, encrypt and pack.</summary>
internal sealed class BackupCopy(IBlockReader volume, ChunkGeometry geometry, UsedRanges used, RepositoryWriter session, int workerCount, long readErrorLimit = 0,
    ChangeDetector? tagging = null)
{
    private readonly ZeroBlobs _zeros = new();
    private readonly ReadErrorPolicy _readErrors = new(volume, readErrorLimit);
    private long _newChunkCount;
    private long _zeroChunkCount;
    private int _fullZeroSeen;

    /// <summary>Chunks that were not in the repository before.</summary>
    public long NewChunkCount => _newChunkCount;

    public long ZeroChunkCount => _zeroChunkCount;

    /// <summary>The unreadable ranges, which are zeros in the image.</summary>
    public IReadOnlyList<ByteRange> ReadErrors => _readErrors.Missing;

    /// <summary>Runs the copy; returns the chunks' ids in order. Progress counts used bytes.</summary>
    /// <exception cref="ChunkTagMismatchException">The image before is not to be relied on: to be run again without it.</exception>
    public BlobId[] Run(ProgressMeter meter, CancellationToken cancellation)
    {
        var ids = new BlobId[geometry.ChunkCount];
        var source = new ChunkSource(volume, geometry, used, _readErrors);
        int workers = Math.Max(1, workerCount);
        var pipeline = ChunkPipeline<Item>.For(workers, geometry.ChunkSizeBytes, out int batchCount);
        long next = 0;
        pipeline.Run(() =>
        {
            // Chunks that are known to be zeros need no worker: only their id is noted.
            for (; next < geometry.ChunkCount; next++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (source.HoldsData(next))
                {
                    KnownChunk known = tagging?.Known(next) ?? default;
                    return new Item(next++, IsZero: false, known);
                }
                if (NoteZero(ids, next))
                    return new Item(next++, IsZero: true, default);
                meter.Add(UsedBytesOf(next));
            }
            return null;
        }, (item, buffer) =>
        {
            if (item.IsZero)
                Array.Clear(buffer, 0, geometry.LengthBytes(item.Chunk));
            else
                source.Fill(item.Chunk, buffer);
        }, release => new Worker(this, ids, meter, batchCount, release), cancellation);
        return ids;
    }

    /// <summary>Notes an all-zero chunk; true if it is the first of its length and so has to be stored.</summary>
    private bool NoteZero(BlobId[] ids, long chunk)
    {
        int lengthBytes = geometry.LengthBytes(chunk);
        ids[chunk] = _zeros.Id(lengthBytes);
        Interlocked.Increment(ref _zeroChunkCount);
        // Only the last chunk can have another length than the others.
        return lengthBytes != geometry.ChunkSizeBytes || Interlocked.Exchange(ref _fullZeroSeen, 1) == 0;
    }

    private long UsedBytesOf(long chunk)
    {
        if (used.IsWhole)
            return geometry.LengthBytes(chunk);
        long sum = 0;
        foreach (ByteRange part in used.Within(new ByteRange(geometry.OffsetBytes(chunk), geometry.LengthBytes(chunk))))
            sum += part.LengthBytes;
        return sum;
    }

    private readonly record struct Item(long Chunk, bool IsZero, KnownChunk Known);

    /// <summary>A chunk without an id; <paramref name="IsKnown"/>: its tag says which it must have.</summary>
    private readonly record struct Unnamed(Item Item, bool IsKnown);

    private sealed class Worker : ChunkPipeline<Item>.IWorker
    {
        private readonly BackupCopy _copy;
        private readonly BlobId[] _ids;
        private readonly ProgressMeter _meter;
        private readonly Action<byte[]> _release;
        private readonly BlobWriter _lane;
        private readonly Gmac? _gmac;
        private readonly HashBatch<Unnamed> _unnamed;

        public Worker(BackupCopy copy, BlobId[] ids, ProgressMeter meter, int batchCount, Action<byte[]> release)
        {
            _copy = copy;
            _ids = ids;
            _meter = meter;
            _release = release;
            _lane = copy.Session.OpenLane();
            _gmac = copy.Tagging is { } tagging ? new Gmac(tagging.Header.Key) : null;
            _unnamed = new HashBatch<Unnamed>(batchCount, Save, release);
        }

        public void Process(Item item, byte[] buffer)
        {
            var content = new ArraySegment<byte>(buffer, 0, _copy.Geometry.LengthBytes(item.Chunk));
            if (item.IsZero)
            {
                _lane.Save(BlobType.Data, _ids[item.Chunk], content);
            }
            else if (ZeroCheck.IsZero(content))
            {
                if (_copy.NoteZero(_ids, item.Chunk))
                    _lane.Save(BlobType.Data, _ids[item.Chunk], content);
            }
            else if (!IsStored(item, content, out bool isKnown))
            {
                _unnamed.Add(new Unnamed(item, isKnown), content);
                return;
            }
            _release(buffer);
            _meter.Add(_copy.UsedBytesOf(item.Chunk));
        }

        /// <summary>
        /// Whether a chunk is the image before's by its tag, and is there: then its id is noted. <paramref name="isKnown"/>: its
        /// tag says so, and its hash must say the same.
        /// </summary>
        private bool IsStored(in Item item, ReadOnlySpan<byte> content, out bool isKnown)
        {
            isKnown = false;
            if (_gmac is null || _copy.Tagging is not { } tagging)
                return false;
            ChunkTag tag = ChunkTag.Of(_gmac, content);
            tagging.Note(item.Chunk, tag);
            isKnown = !tag.IsNone && tag == item.Known.Tag;
            if (!isKnown || tagging.IsToProve(item.Chunk) || !_copy.Session.Has(item.Known.Id, BlobType.Data))
                return false;
            _ids[item.Chunk] = item.Known.Id;
            return true;
        }

        private void Save(Unnamed unnamed, ArraySegment<byte> content, BlobId id)
        {
            Item item = unnamed.Item;
            if (unnamed.IsKnown && id != item.Known.Id)
                throw new ChunkTagMismatchException(_copy.Geometry.OffsetBytes(item.Chunk));
            _ids[item.Chunk] = id;
            if (_lane.Save(BlobType.Data, id, content) > 0)
                Interlocked.Increment(ref _copy._newChunkCount);
            _meter.Add(_copy.UsedBytesOf(item.Chunk));
        }

        public void Drain() => _unnamed.NameAll();

        public void Finish() => _lane.Flush();

        public void Dispose()
        {
            _lane.Dispose();
            _gmac?.Dispose();
        }
    }

    private RepositoryWriter Session => session;

    private ChangeDetector? Tagging => tagging;

    private ChunkGeometry Geometry => geometry;
}
