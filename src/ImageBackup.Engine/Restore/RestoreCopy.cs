using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Restore;

/// <summary>
/// The copying part of a restore: every chunk out of its pack, proven against its id, and its used ranges onto the target;
/// and the reading back afterwards. Several workers write disjoint ranges.
/// </summary>
internal sealed class RestoreCopy(
    ImageRepository repository, ImageContent image, int longestChunkBytes, IBlockWriter writer, RestoreTarget target, RestoreRequest request)
{
    /// <summary>
    /// What must have been found out before the first byte is written, while reading has begun: asked once, by whichever worker is the first; what it
    /// throws ends the copy. Null: nothing.
    /// </summary>
    public Action? BeforeWriting
    {
        init => _mayWrite = value is null ? null : new Lazy<bool>(() =>
        {
            value();
            return true;
        });
    }

    private readonly Lazy<bool>? _mayWrite;

    /// <summary>A new file stays sparse down to runs of zeros of this many bytes.</summary>
    private const int SparseBlockBytes = 16 << 10;

    private readonly ConcurrentDictionary<long, int> _corruptChunks = new();
    private long _writtenBytes;
    private long _skippedBytes;
    private long _zeroBytes;

    public long WrittenBytes => _writtenBytes;
    public long SkippedBytes => _skippedBytes;
    public long ZeroBytes => _zeroBytes;

    /// <summary>What is zeros because its chunks are missing or corrupt.</summary>
    public IReadOnlyList<ByteRange> CorruptRanges => ByteRanges.Join(_corruptChunks.Select(c => new ByteRange(c.Key, c.Value)).OrderBy(r => r.OffsetBytes));

    public void Run(ProgressMeter meter, CancellationToken cancellation)
    {
        var pipeline = new ImageReadPipeline(repository, image, WorkerCount, longestChunkBytes);
        bool hasOthers = false;
        foreach (ImageChunk chunk in image.Chunks())
        {
            cancellation.ThrowIfCancellationRequested();
            if (IsZeroAlready(chunk))
            {
                Interlocked.Add(ref _zeroBytes, chunk.LengthBytes);
                meter.Add(chunk.LengthBytes);
            }
            else if (IsPlanned(chunk))
            {
                pipeline.Add(chunk);
            }
            else
            {
                hasOthers = true;
            }
        }
        IEnumerable<ImageChunk> others = hasOthers ? image.Chunks().Where(chunk => !IsZeroAlready(chunk) && !IsPlanned(chunk)) : [];
        pipeline.Run(others, () =>
        {
            _ = _mayWrite?.Value;
            return new RestoreWorker(this, meter);
        }, cancellation);
        _ = _mayWrite?.Value;
        meter.Report();
    }

    /// <exception cref="ImageBackupException">VerifyFailed with the offset.</exception>
    public void Verify(ProgressMeter meter, CancellationToken cancellation)
    {
        using IEnumerator<ImageChunk> chunks = image.Chunks().GetEnumerator();
        var pipeline = ChunkPipeline<ImageChunk>.For(WorkerCount, longestChunkBytes, out int batchCount);
        pipeline.Run(() =>
        {
            while (chunks.MoveNext())
            {
                cancellation.ThrowIfCancellationRequested();
                ImageChunk chunk = chunks.Current;
                if (!IsZeroAlready(chunk))
                    return chunk;
                meter.Add(chunk.LengthBytes);
            }
            return null;
        }, fill: null, release => new VerifyWorker(this, meter, batchCount, release), cancellation);
        meter.Report();
    }

    private int WorkerCount => Math.Max(1, request.ThrottleLimit ?? Environment.ProcessorCount);

    /// <summary>What the target has is compared with the image's before anything is read of the repository.</summary>
    private bool IsCompared => request.SkipUnchanged && !target.IsAllZero;

    /// <summary>Zeros on a target of zeros: nothing to do for anybody.</summary>
    private bool IsZeroAlready(in ImageChunk chunk) => chunk.IsZero && target.IsAllZero;

    private bool IsPlanned(in ImageChunk chunk) => !chunk.IsZero && !IsCompared && ImageReadPipeline.CanPlan(chunk)
        && (image.Used.IsWhole || image.Used.Within(RangeOf(chunk)).Any());

    private static ByteRange RangeOf(in ImageChunk chunk) => new(chunk.OffsetBytes, chunk.LengthBytes);

    private List<ByteRange> UsedOf(in ImageChunk chunk) => image.Used.Within(RangeOf(chunk)).ToList();

    /// <summary>What both kinds of workers have: a reader of chunks, and a buffer for one more.</summary>
    private abstract class Worker(RestoreCopy copy) : IDisposable
    {
        private readonly ChunkReader _reader = new(copy.Repository, copy.Image);

        protected byte[] LastScratch { get; private set; } = Array.Empty<byte>();

        /// <summary>
        /// Fills the buffer with the chunk, proven. False if it is damaged and that is to be passed over; else an error
        /// names where on the volume it belongs.
        /// </summary>
        protected bool Loads(ImageChunk chunk, byte[] buffer)
        {
            if (chunk.Location is null && chunk.IsZero)
            {
                // The one chunk that may be missing: its content is known.
                Array.Clear(buffer, 0, chunk.LengthBytes);
                return true;
            }
            if (_reader.TryRead(chunk, buffer, out ImageBackupException? damage))
                return true;
            if (!copy.Request.SkipCorrupt)
            {
                throw new ImageBackupException(ErrorId.ChunkCorrupt,
                    $"The image {copy.Image.Info.ShortId} of '{copy.Image.Info.Volume}' cannot be restored at offset {chunk.OffsetBytes} ({chunk.LengthBytes} bytes): {damage?.Message}", copy.Image.Info.Id, damage);
            }
            copy._corruptChunks[chunk.OffsetBytes] = chunk.LengthBytes;
            return false;
        }

        /// <summary>Reads of the target.</summary>
        protected bool Reads(ByteRange range, byte[] buffer)
        {
            WorkPace.BeforeRead(range.LengthBytes);
            return copy.Writer.ReadAt(range.OffsetBytes, buffer.AsSpan(0, (int)range.LengthBytes)) == range.LengthBytes;
        }

        protected byte[] Scratch(int lengthBytes)
        {
            if (LastScratch.Length < lengthBytes)
                LastScratch = new byte[lengthBytes];
            return LastScratch;
        }

        public void Dispose() => _reader.Dispose();
    }

    private sealed class RestoreWorker(RestoreCopy copy, ProgressMeter meter) : Worker(copy), ImageReadPipeline.IWorker
    {
        private readonly RestoreCopy _copy = copy;

        public void Use(ImageChunk chunk, byte[] content, bool isWhole)
        {
            List<ByteRange> used = _copy.UsedOf(chunk);
            ReleaseUnused(RangeOf(chunk), used);
            Write(chunk, used, content, isWhole || Loads(chunk, content), compares: false);
            meter.Add(chunk.LengthBytes);
        }

        public void Process(ImageChunk chunk, byte[] buffer)
        {
            ByteRange whole = RangeOf(chunk);
            List<ByteRange> used = _copy.UsedOf(chunk);
            ReleaseUnused(whole, used);
            if (used.Count > 0)
                Restore(chunk, whole, used, buffer);
            meter.Add(chunk.LengthBytes);
        }

        private void Restore(ImageChunk chunk, ByteRange whole, List<ByteRange> used, byte[] buffer)
        {
            bool compares = _copy.IsCompared && Reads(whole, Scratch(chunk.LengthBytes));
            if (compares && BlobId.Of(LastScratch.AsSpan(0, chunk.LengthBytes)) == chunk.Id)
            {
                Interlocked.Add(ref _copy._skippedBytes, used.Sum(r => r.LengthBytes));
                return;
            }
            if (!chunk.IsZero)
            {
                Write(chunk, used, buffer, Loads(chunk, buffer), compares);
                return;
            }
            foreach (ByteRange range in used)
            {
                // The unused parts of the chunk may differ: what the image uses may be zeros already.
                if (compares && ZeroCheck.IsZero(LastScratch.AsSpan((int)(range.OffsetBytes - chunk.OffsetBytes), (int)range.LengthBytes)))
                {
                    Interlocked.Add(ref _copy._skippedBytes, range.LengthBytes);
                    continue;
                }
                _copy.Writer.ZeroRange(range);
                Interlocked.Add(ref _copy._zeroBytes, range.LengthBytes);
            }
        }

        /// <summary>Writes what the image uses of a chunk: as zeros if it could not be loaded; not what the target has, if that is in the scratch.</summary>
        private void Write(ImageChunk chunk, List<ByteRange> used, byte[] buffer, bool isLoaded, bool compares)
        {
            if (!isLoaded)
            {
                foreach (ByteRange range in used.Where(_ => !_copy.Target.IsAllZero))
                    _copy.Writer.ZeroRange(range);
                return;
            }
            foreach (ByteRange range in used)
            {
                int at = (int)(range.OffsetBytes - chunk.OffsetBytes), length = (int)range.LengthBytes;
                ReadOnlySpan<byte> content = buffer.AsSpan(at, length);
                if (compares && content.SequenceEqual(LastScratch.AsSpan(at, length)))
                    Interlocked.Add(ref _copy._skippedBytes, length);
                else if (_copy.Target.IsAllZero)
                    WriteSparse(range.OffsetBytes, content);
                else
                    Write(range.OffsetBytes, content);
            }
        }

        /// <summary>What the image does not use: cleared, discarded, or left alone.</summary>
        private void ReleaseUnused(ByteRange whole, List<ByteRange> used)
        {
            if (_copy.Target.IsAllZero || _copy.Image.Used.IsWhole)
                return;
            long offset = whole.OffsetBytes;
            foreach (ByteRange range in used.Append(new ByteRange(whole.EndBytes, 0)))
            {
                if (range.OffsetBytes > offset)
                {
                    var gap = new ByteRange(offset, range.OffsetBytes - offset);
                    if (_copy.Request.ZeroUnused || _copy.Target.IsFile)
                        _copy.Writer.ZeroRange(gap);
                    else if (!_copy.Request.SkipUnchanged)
                        _copy.Writer.TryDiscard(gap);
                }
                offset = range.EndBytes;
            }
        }

        private void Write(long offsetBytes, ReadOnlySpan<byte> content)
        {
            WorkPace.BeforeWrite(content.Length);
            _copy.Writer.WriteAt(offsetBytes, content);
            Interlocked.Add(ref _copy._writtenBytes, content.Length);
        }

        /// <summary>Writes what is not zero, in as few calls as its runs allow.</summary>
        private void WriteSparse(long offsetBytes, ReadOnlySpan<byte> content)
        {
            int start = 0;
            for (int at = 0; at < content.Length;)
            {
                int length = Math.Min(SparseBlockBytes, content.Length - at);
                if (ZeroCheck.IsZero(content.Slice(at, length)))
                {
                    if (at > start)
                        Write(offsetBytes + start, content.Slice(start, at - start));
                    start = at + length;
                    Interlocked.Add(ref _copy._zeroBytes, length);
                }
                at += length;
            }
            if (start < content.Length)
                Write(offsetBytes + start, content.Slice(start));
        }
    }

    /// <summary>Reads chunks of the target back and compares them.</summary>
    private sealed class VerifyWorker : Worker, ChunkPipeline<ImageChunk>.IWorker
    {
        private readonly RestoreCopy _copy;
        private readonly ProgressMeter _meter;
        private readonly HashBatch<ImageChunk> _unhashed;

        public VerifyWorker(RestoreCopy copy, ProgressMeter meter, int batchCount, Action<byte[]> release)
            : base(copy)
        {
            _copy = copy;
            _meter = meter;
            _unhashed = new HashBatch<ImageChunk>(batchCount, Verify, release);
        }

        public void Process(ImageChunk chunk, byte[] buffer)
        {
            if (!Reads(RangeOf(chunk), buffer))
            {
                throw new ImageBackupException(ErrorId.VerifyFailed,
                    $"'{_copy.Target.Name}' ends before offset {chunk.OffsetBytes + chunk.LengthBytes}.", _copy.Target.Name);
            }
            _unhashed.Add(chunk, new ArraySegment<byte>(buffer, 0, chunk.LengthBytes));
        }

        private void Verify(ImageChunk chunk, ArraySegment<byte> target, BlobId id)
        {
            if (id != chunk.Id)
                VerifyUsed(chunk, target);
            _meter.Add(chunk.LengthBytes);
        }

        /// <summary>The unused parts of a chunk may differ: only what the image uses counts.</summary>
        private void VerifyUsed(ImageChunk chunk, ReadOnlySpan<byte> target)
        {
            List<ByteRange> used = _copy.UsedOf(chunk);
            if (used.Count == 0)
                return;
            byte[] content = Scratch(chunk.LengthBytes);
            if (!Loads(chunk, content))
                Array.Clear(content, 0, chunk.LengthBytes);
            foreach (ByteRange range in used)
            {
                int at = (int)(range.OffsetBytes - chunk.OffsetBytes), length = (int)range.LengthBytes;
                ReadOnlySpan<byte> expected = content.AsSpan(at, length), found = target.Slice(at, length);
                if (expected.SequenceEqual(found))
                    continue;
                int first = 0;
                while (expected[first] == found[first])
                    first++;
                throw new ImageBackupException(ErrorId.VerifyFailed,
                    $"'{_copy.Target.Name}' does not hold the data that was written to it: the first difference is at offset {range.OffsetBytes + first}.", _copy.Target.Name);
            }
        }

        public void Drain() => _unhashed.HashAll();

        public void Finish()
        {
        }
    }

    private ImageRepository Repository => repository;

    private ImageContent Image => image;

    private IBlockWriter Writer => writer;

    private RestoreTarget Target => target;

    private RestoreRequest Request => request;
}
