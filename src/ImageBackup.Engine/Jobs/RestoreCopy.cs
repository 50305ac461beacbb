using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Jobs;

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
        var pipeline = ChunkPipeline<ImageChunk>.For(workers, longestChunkBytes);
        pipeline.Run(_ =>
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
        }, () => new Worker(this, isVerifying, meter), cancellation);
        meter.Report();
    }

    private sealed class Worker(RestoreCopy copy, bool isVerifying, ProgressMeter meter) : ChunkPipeline<ImageChunk>.IWorker
    {
        private readonly ChunkReader _reader = new(copy.Repository, copy.Image);
        private readonly List<ArraySegment<byte>> _contents = new();
        private byte[] _current = Array.Empty<byte>();

        /// <summary>Whether what the target holds already is looked at first.</summary>
        private bool Compares => copy.Request.SkipUnchanged && !copy.Target.IsAllZero;

        public void Process(ReadOnlySpan<ChunkPipeline<ImageChunk>.Filled> batch)
        {
            if (isVerifying)
            {
                Verify(batch);
                return;
            }
            Span<bool> isLoaded = stackalloc bool[batch.Length];
            // Where the target is compared, most chunks will not be needed.
            if (!Compares)
                _reader.Preload(batch, chunk => !chunk.IsZero && copy.Image.Used.Within(RangeOf(chunk)).Any(), isLoaded);
            for (int i = 0; i < batch.Length; i++)
            {
                Restore(batch[i].Item, batch[i].Buffer, isLoaded[i]);
                meter.Add(batch[i].Item.LengthBytes);
            }
        }

        private void Restore(ImageChunk chunk, byte[] buffer, bool isLoaded)
        {
            ByteRange whole = RangeOf(chunk);
            List<ByteRange> used = copy.Image.Used.Within(whole).ToList();
            ReleaseUnused(whole, used);
            if (used.Count == 0)
                return;
            bool compares = Compares && Reads(whole, Scratch(chunk.LengthBytes));
            if (compares && BlobId.Of(_current.AsSpan(0, chunk.LengthBytes)) == chunk.Id)
            {
                Interlocked.Add(ref copy._skippedBytes, used.Sum(r => r.LengthBytes));
                return;
            }
            if (chunk.IsZero)
            {
                foreach (ByteRange range in used)
                {
                    // The unused parts of the chunk may differ: what the image uses may be zeros already.
                    if (compares && ZeroTest.IsZero(_current.AsSpan((int)(range.OffsetBytes - chunk.OffsetBytes), (int)range.LengthBytes)))
                    {
                        Interlocked.Add(ref copy._skippedBytes, range.LengthBytes);
                        continue;
                    }
                    copy.Writer.ZeroRange(range);
                    Interlocked.Add(ref copy._zeroBytes, range.LengthBytes);
                }
                return;
            }
            if (!isLoaded && !Loads(chunk, buffer))
            {
                foreach (ByteRange range in used.Where(_ => !copy.Target.IsAllZero))
                    copy.Writer.ZeroRange(range);
                return;
            }
            foreach (ByteRange range in used)
            {
                ReadOnlySpan<byte> content = buffer.AsSpan((int)(range.OffsetBytes - chunk.OffsetBytes), (int)range.LengthBytes);
                if (compares && content.SequenceEqual(_current.AsSpan((int)(range.OffsetBytes - chunk.OffsetBytes), (int)range.LengthBytes)))
                    Interlocked.Add(ref copy._skippedBytes, range.LengthBytes);
                else if (copy.Target.IsAllZero)
                    WriteSparse(range.OffsetBytes, content);
                else
                    Write(range.OffsetBytes, content);
            }
        }

        private void Verify(ReadOnlySpan<ChunkPipeline<ImageChunk>.Filled> batch)
        {
            _contents.Clear();
            foreach ((ImageChunk chunk, byte[] buffer) in batch)
            {
                if (!Reads(RangeOf(chunk), buffer))
                    throw new ImageBackupException(ErrorId.VerifyFailed, $"'{copy.Target.Name}' ends before offset {chunk.OffsetBytes + chunk.LengthBytes}.", copy.Target.Name);
                _contents.Add(new ArraySegment<byte>(buffer, 0, chunk.LengthBytes));
            }
            BlobId[] ids = BlobIds.Of(_contents);
            for (int i = 0; i < batch.Length; i++)
            {
                if (ids[i] != batch[i].Item.Id)
                    VerifyUsed(batch[i].Item, batch[i].Buffer);
                meter.Add(batch[i].Item.LengthBytes);
            }
        }

        /// <summary>The unused parts of a chunk may differ: only what the image uses counts.</summary>
        private void VerifyUsed(ImageChunk chunk, byte[] target)
        {
            List<ByteRange> used = copy.Image.Used.Within(RangeOf(chunk)).ToList();
            if (used.Count == 0)
                return;
            byte[] content = Scratch(chunk.LengthBytes);
            if (!Loads(chunk, content))
                Array.Clear(content, 0, chunk.LengthBytes);
            foreach (ByteRange range in used)
            {
                int at = (int)(range.OffsetBytes - chunk.OffsetBytes), length = (int)range.LengthBytes;
                ReadOnlySpan<byte> expected = content.AsSpan(at, length), found = target.AsSpan(at, length);
                if (expected.SequenceEqual(found))
                    continue;
                int first = 0;
                while (expected[first] == found[first])
                    first++;
                throw new ImageBackupException(ErrorId.VerifyFailed,
                    $"'{copy.Target.Name}' does not hold what was written to it: the first difference is at offset {range.OffsetBytes + first}.", copy.Target.Name);
            }
        }

        /// <summary>What the image does not use: cleared, discarded, or left alone.</summary>
        private void ReleaseUnused(ByteRange whole, List<ByteRange> used)
        {
            if (copy.Target.IsAllZero || copy.Image.Used.IsWhole)
                return;
            long offset = whole.OffsetBytes;
            foreach (ByteRange range in used.Append(new ByteRange(whole.EndBytes, 0)))
            {
                if (range.OffsetBytes > offset)
                {
                    var gap = new ByteRange(offset, range.OffsetBytes - offset);
                    if (copy.Request.ZeroUnused || copy.Target.IsFile)
                        copy.Writer.ZeroRange(gap);
                    else if (!copy.Request.SkipUnchanged)
                        copy.Writer.TryDiscard(gap);
                }
                offset = range.EndBytes;
            }
        }

        /// <summary>
        /// Fills the buffer with the chunk, proven. False where it is damaged and that is to be passed over; else an error
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
            if (!copy.Request.SkipCorrupt)
            {
                throw new ImageBackupException(ErrorId.ChunkCorrupt,
                    $"The image {copy.Image.Info.ShortId} of '{copy.Image.Info.Volume}' cannot be restored at offset {chunk.OffsetBytes} ({chunk.LengthBytes} bytes): {damage?.Message}", copy.Image.Info.Id, damage);
            }
            copy._corruptChunks[chunk.OffsetBytes] = chunk.LengthBytes;
            return false;
        }

        private bool Reads(ByteRange range, byte[] target) =>
            copy.Writer.ReadAt(range.OffsetBytes, target.AsSpan(0, (int)range.LengthBytes)) == range.LengthBytes;

        private byte[] Scratch(int lengthBytes)
        {
            if (_current.Length < lengthBytes)
                _current = new byte[lengthBytes];
            return _current;
        }

        private static ByteRange RangeOf(ImageChunk chunk) => new(chunk.OffsetBytes, chunk.LengthBytes);

        private void Write(long offsetBytes, ReadOnlySpan<byte> content)
        {
            copy.Writer.WriteAt(offsetBytes, content);
            Interlocked.Add(ref copy._writtenBytes, content.Length);
        }

        /// <summary>Writes what is not zero, in as few calls as its runs allow.</summary>
        private void WriteSparse(long offsetBytes, ReadOnlySpan<byte> content)
        {
            int start = 0;
            for (int at = 0; at < content.Length;)
            {
                int length = Math.Min(SparseBlockBytes, content.Length - at);
                if (ZeroTest.IsZero(content.Slice(at, length)))
                {
                    if (at > start)
                        Write(offsetBytes + start, content.Slice(start, at - start));
                    start = at + length;
                    Interlocked.Add(ref copy._zeroBytes, length);
                }
                at += length;
            }
            if (start < content.Length)
                Write(offsetBytes + start, content.Slice(start));
        }

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
