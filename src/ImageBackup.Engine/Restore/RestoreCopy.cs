using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
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

    public void Run(ProgressMeter meter, CancellationToken cancellation) =>
        Process(isVerifying: false, lengthBytes => Interlocked.Add(ref _zeroBytes, lengthBytes), meter, cancellation);

    /// <exception cref="ImageBackupException">VerifyFailed with the offset.</exception>
    public void Verify(ProgressMeter meter, CancellationToken cancellation) => Process(isVerifying: true, _ => { }, meter, cancellation);

    private void Process(bool isVerifying, Action<int> onZero, ProgressMeter meter, CancellationToken cancellation)
    {
        using IEnumerator<ImageChunk> chunks = image.Chunks().GetEnumerator();
        int workers = Math.Max(1, request.ThrottleLimit ?? Environment.ProcessorCount);
        var pipeline = ChunkPipeline<ImageChunk>.For(workers, longestChunkBytes, out int batchCount);
        pipeline.Run(() =>
        {
            while (chunks.MoveNext())
            {
                cancellation.ThrowIfCancellationRequested();
                ImageChunk chunk = chunks.Current;
                // Zeros on a target of zeros: nothing to do for anybody.
                if (!chunk.IsZero || !target.IsAllZero)
                    return chunk;
                onZero(chunk.LengthBytes);
                meter.Add(chunk.LengthBytes);
            }
            return null;
        }, fill: null, release => new Worker(this, isVerifying, meter, batchCount, release), cancellation);
        meter.Report();
    }

    private sealed class Worker : ChunkPipeline<ImageChunk>.IWorker
    {
        private readonly RestoreCopy _copy;
        private readonly bool _isVerifying;
        private readonly ProgressMeter _meter;
        private readonly Action<byte[]> _release;
        private readonly ChunkReader _reader;
        private readonly HashBatch<ImageChunk> _unnamed;
        private byte[] _scratch = Array.Empty<byte>();

        public Worker(RestoreCopy copy, bool isVerifying, ProgressMeter meter, int batchCount, Action<byte[]> release)
        {
            _copy = copy;
            _isVerifying = isVerifying;
            _meter = meter;
            _release = release;
            _reader = new ChunkReader(copy.Repository, copy.Image);
            _unnamed = new HashBatch<ImageChunk>(batchCount, isVerifying ? Verify : Restore, release);
        }

        public void Process(ImageChunk chunk, byte[] buffer)
        {
            if (_isVerifying ? IsToVerify(chunk, buffer) : IsToRestore(chunk, buffer))
            {
                _unnamed.Add(chunk, new ArraySegment<byte>(buffer, 0, chunk.LengthBytes));
                return;
            }
            _release(buffer);
            _meter.Add(chunk.LengthBytes);
        }

        /// <summary>True if the chunk is in the buffer and is to be hashed and written; false if all is done.</summary>
        private bool IsToRestore(ImageChunk chunk, byte[] buffer)
        {
            ByteRange whole = RangeOf(chunk);
            List<ByteRange> used = UsedOf(chunk);
            bool isCompared = _copy.Request.SkipUnchanged && !_copy.Target.IsAllZero;
            if (!chunk.IsZero && !isCompared && used.Count > 0 && _reader.TryReadUnhashed(chunk, buffer))
                return true;
            // Kept chunks are written first: disks like the order, and a failure leaves a beginning.
            Drain();
            ReleaseUnused(whole, used);
            if (used.Count == 0)
                return false;
            bool compares = isCompared && Reads(whole, Scratch(chunk.LengthBytes));
            if (compares && BlobId.Of(_scratch.AsSpan(0, chunk.LengthBytes)) == chunk.Id)
            {
                Interlocked.Add(ref _copy._skippedBytes, used.Sum(r => r.LengthBytes));
                return false;
            }
            if (chunk.IsZero)
            {
                foreach (ByteRange range in used)
                {
                    // The unused parts of the chunk may differ: what the image uses may be zeros already.
                    if (compares && ZeroCheck.IsZero(_scratch.AsSpan((int)(range.OffsetBytes - chunk.OffsetBytes), (int)range.LengthBytes)))
                    {
                        Interlocked.Add(ref _copy._skippedBytes, range.LengthBytes);
                        continue;
                    }
                    _copy.Writer.ZeroRange(range);
                    Interlocked.Add(ref _copy._zeroBytes, range.LengthBytes);
                }
                return false;
            }
            Write(chunk, used, buffer, Loads(chunk, buffer), compares);
            return false;
        }

        private void Restore(ImageChunk chunk, ArraySegment<byte> content, BlobId id)
        {
            byte[] buffer = content.Array!;
            List<ByteRange> used = UsedOf(chunk);
            ReleaseUnused(RangeOf(chunk), used);
            Write(chunk, used, buffer, id == chunk.Id || Loads(chunk, buffer), compares: false);
            _meter.Add(chunk.LengthBytes);
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
                if (compares && content.SequenceEqual(_scratch.AsSpan(at, length)))
                    Interlocked.Add(ref _copy._skippedBytes, length);
                else if (_copy.Target.IsAllZero)
                    WriteSparse(range.OffsetBytes, content);
                else
                    Write(range.OffsetBytes, content);
            }
        }

        /// <summary>True: the target's content is in the buffer.</summary>
        private bool IsToVerify(ImageChunk chunk, byte[] buffer) => Reads(RangeOf(chunk), buffer) ? true : throw new ImageBackupException(ErrorId.VerifyFailed,
            $"'{_copy.Target.Name}' ends before offset {chunk.OffsetBytes + chunk.LengthBytes}.", _copy.Target.Name);

        private void Verify(ImageChunk chunk, ArraySegment<byte> target, BlobId id)
        {
            if (id != chunk.Id)
                VerifyUsed(chunk, target);
            _meter.Add(chunk.LengthBytes);
        }

        /// <summary>The unused parts of a chunk may differ: only what the image uses counts.</summary>
        private void VerifyUsed(ImageChunk chunk, ReadOnlySpan<byte> target)
        {
            List<ByteRange> used = UsedOf(chunk);
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

        /// <summary>
        /// Fills the buffer with the chunk, proven. False if it is damaged and that is to be passed over; else an error
        /// names where on the volume it belongs.
        /// </summary>
        private bool Loads(ImageChunk chunk, byte[] buffer)
        {
            if (chunk.Location is null && chunk.IsZero)
            {
                // The one chunk that may be missing: its content is known.
                Array.Clear(buffer, 0, chunk.LengthBytes);
                return true;
            }
            if (_reader.TryRead(chunk, buffer, out ImageBackupException? damage))
                return true;
            if (!_copy.Request.SkipCorrupt)
            {
                throw new ImageBackupException(ErrorId.ChunkCorrupt,
                    $"The image {_copy.Image.Info.ShortId} of '{_copy.Image.Info.Volume}' cannot be restored at offset {chunk.OffsetBytes} ({chunk.LengthBytes} bytes): {damage?.Message}", _copy.Image.Info.Id, damage);
            }
            _copy._corruptChunks[chunk.OffsetBytes] = chunk.LengthBytes;
            return false;
        }

        private bool Reads(ByteRange range, byte[] target) =>
            _copy.Writer.ReadAt(range.OffsetBytes, target.AsSpan(0, (int)range.LengthBytes)) == range.LengthBytes;

        private byte[] Scratch(int lengthBytes)
        {
            if (_scratch.Length < lengthBytes)
                _scratch = new byte[lengthBytes];
            return _scratch;
        }

        private static ByteRange RangeOf(ImageChunk chunk) => new(chunk.OffsetBytes, chunk.LengthBytes);

        private List<ByteRange> UsedOf(ImageChunk chunk) => _copy.Image.Used.Within(RangeOf(chunk)).ToList();

        private void Write(long offsetBytes, ReadOnlySpan<byte> content)
        {
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

        public void Drain() => _unnamed.NameAll();

        public void Finish()
        {
        }

        public void Dispose() => _reader.Dispose();
    }

    private ImageRepository Repository => repository;

    private ImageContent Image => image;

    private IBlockWriter Writer => writer;

    private RestoreTarget Target => target;

    private RestoreRequest Request => request;
}
