using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Images.Reading;

/// <summary>
/// Reads an image as the volume that it is of, at any place. Any thread. Chunks that were read last are kept, a chunk that several threads want is
/// read once, and those that follow are read ahead once two were read one after the other. What is missing or damaged is a
/// <see cref="BlockReadException"/> of its chunk's range.
/// </summary>
internal sealed class ImageBlockReader : ISparseBlockReader
{
    public const int DefaultCacheBytes = 64 << 20;

    private const int ReadAheadCount = 2;

    /// <summary>Places at which reading in order is noticed: as many readers may go on side by side.</summary>
    private const int FollowedCount = 8;

    /// <summary>Chunks that one question about data looks at.</summary>
    private const int MaxSteps = 4096;

    private readonly ImageRepository _repository;
    private readonly ImageContent _image;
    private readonly long _capacityBytes;
    private readonly ConcurrentBag<ChunkReader> _readers = new();
    private readonly object _lock = new();
    private readonly Dictionary<long, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private readonly Stack<byte[]> _spare = new();
    private readonly long[] _ends = new long[FollowedCount];
    private long _keptBytes;
    private int _nextEnd;
    private int _aheadCount;
    private bool _isDisposed;

    /// <param name="repository">Stays the caller's, as long as the reader is used.</param>
    /// <param name="image">The image.</param>
    /// <param name="cacheBytes">The most that is kept, beside what is being read at the moment.</param>
    public ImageBlockReader(ImageRepository repository, ImageContent image, long cacheBytes = DefaultCacheBytes)
    {
        _repository = repository;
        _image = image;
        _capacityBytes = cacheBytes;
    }

    public long LengthBytes => _image.SizeBytes;
    public int SectorSizeBytes => _image.Info.SectorSizeBytes ?? 512;

    /// <summary>Chunks that were taken from the repository until now, ahead or not.</summary>
    internal long LoadCount => Interlocked.Read(ref _loadCount);
    private long _loadCount;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        if (count == 0)
            return 0;
        int done = 0;
        // What the image does not hold reads as zeros, whatever its chunks have there.
        foreach (ByteRange part in _image.Used.Within(new ByteRange(offsetBytes, count)))
        {
            int start = (int)(part.OffsetBytes - offsetBytes);
            buffer.Slice(done, start - done).Clear();
            done = start;
            for (int end = start + (int)part.LengthBytes; done < end;)
            {
                ImageChunk chunk = ChunkAt(offsetBytes + done);
                int inside = (int)(offsetBytes + done - chunk.OffsetBytes), length = Math.Min(end - done, chunk.LengthBytes - inside);
                Copy(chunk, inside, buffer.Slice(done, length));
                done += length;
            }
        }
        buffer.Slice(done, count - done).Clear();
        return count;
    }

    /// <inheritdoc/>
    /// <remarks>By the used ranges and the chunks that are all zero; nothing is read.</remarks>
    public ByteRange? NextData(long offsetBytes)
    {
        if (offsetBytes >= LengthBytes)
            return null;
        offsetBytes = Math.Max(0, offsetBytes);
        int steps = 0;
        foreach (ByteRange used in _image.Used.Within(new ByteRange(offsetBytes, LengthBytes - offsetBytes)))
        {
            long at = used.OffsetBytes, start = -1;
            while (at < used.EndBytes)
            {
                ImageChunk chunk = ChunkAt(at);
                bool isData = !chunk.IsZero || steps >= MaxSteps;
                if (!isData && start >= 0)
                    return new ByteRange(start, at - start);
                if (isData && start < 0)
                    start = at;
                at = Math.Min(used.EndBytes, chunk.OffsetBytes + chunk.LengthBytes);
                if (++steps > MaxSteps && start >= 0)
                    break;
            }
            if (start >= 0)
                return new ByteRange(start, at - start);
        }
        return null;
    }

    private ImageChunk ChunkAt(long offsetBytes)
    {
        try
        {
            return _image.ChunkAt(offsetBytes);
        }
        catch (ImageBackupException e)
        {
            throw new BlockReadException(offsetBytes, 1, e.Message, e);
        }
    }

    private void Copy(in ImageChunk chunk, int inside, Span<byte> target)
    {
        if (chunk.IsZero)
        {
            target.Clear();
            return;
        }
        Entry entry = Acquire(chunk, out bool isMine);
        try
        {
            if (isMine)
                Load(chunk, entry);
            else
                entry.Wait();
            entry.Content!.AsSpan(inside, target.Length).CopyTo(target);
        }
        finally
        {
            Release(entry);
        }
        if (isMine || entry.TakeAhead())
            ReadAhead(chunk);
    }

    /// <summary>The entry of a chunk, held until it is released. Mine: the caller must load it.</summary>
    private Entry Acquire(in ImageChunk chunk, out bool isMine)
    {
        lock (_lock)
        {
            if (_isDisposed)
                throw new ObjectDisposedException(nameof(ImageBlockReader));
            if (_entries.TryGetValue(chunk.OffsetBytes, out LinkedListNode<Entry>? node))
            {
                _byUse.Remove(node);
                _byUse.AddLast(node);
                node.Value.UserCount++;
                isMine = false;
                return node.Value;
            }
            isMine = true;
            return Add(chunk, isAhead: false);
        }
    }

    // Under the lock.
    private Entry Add(in ImageChunk chunk, bool isAhead)
    {
        while (_keptBytes + chunk.LengthBytes > _capacityBytes && _byUse.First is { } oldest)
            Forget(oldest);
        byte[]? spare = _spare.Count > 0 && _spare.Peek().Length >= chunk.LengthBytes ? _spare.Pop() : null;
        var entry = new Entry(chunk.OffsetBytes, spare ?? new byte[chunk.LengthBytes], isAhead) { UserCount = 1 };
        _entries.Add(chunk.OffsetBytes, _byUse.AddLast(entry));
        _keptBytes += entry.Buffer.Length;
        return entry;
    }

    // Under the lock. Its readers finish with it; the last one gives the buffer back.
    private void Forget(LinkedListNode<Entry> node)
    {
        Entry entry = node.Value;
        _byUse.Remove(node);
        _entries.Remove(entry.OffsetBytes);
        _keptBytes -= entry.Buffer.Length;
        entry.IsForgotten = true;
        if (entry.UserCount == 0)
            Spare(entry);
    }

    private void Spare(Entry entry)
    {
        if (_spare.Count < 2)
            _spare.Push(entry.Buffer);
    }

    private void Release(Entry entry)
    {
        lock (_lock)
        {
            if (--entry.UserCount == 0 && entry.IsForgotten)
                Spare(entry);
        }
    }

    /// <summary>Reads the chunk and wakes those who wait for it; a failure is theirs too, and is not kept.</summary>
    private void Load(in ImageChunk chunk, Entry entry)
    {
        Exception? failure = null;
        try
        {
            Read(chunk, entry.Buffer);
        }
        catch (Exception e)
        {
            failure = e;
            lock (_lock)
            {
                if (!entry.IsForgotten && _entries.TryGetValue(entry.OffsetBytes, out LinkedListNode<Entry>? node))
                    Forget(node);
            }
            throw;
        }
        finally
        {
            entry.Finish(failure);
        }
    }

    private void Read(in ImageChunk chunk, byte[] buffer)
    {
        Interlocked.Increment(ref _loadCount);
        ChunkReader reader = _readers.TryTake(out ChunkReader? idle) ? idle : new ChunkReader(_repository, _image);
        try
        {
            if (!reader.TryRead(chunk, buffer, out ImageBackupException? damage))
                throw new BlockReadException(chunk.OffsetBytes, chunk.LengthBytes, damage?.Message ?? "The chunk is not in the repository.", damage);
        }
        catch (ImageBackupException e)
        {
            throw new BlockReadException(chunk.OffsetBytes, chunk.LengthBytes, e.Message, e) { IsGone = true };
        }
        finally
        {
            _readers.Add(reader);
        }
    }

    private void ReadAhead(in ImageChunk chunk)
    {
        long end = chunk.OffsetBytes + chunk.LengthBytes;
        lock (_lock)
        {
            int place = Array.IndexOf(_ends, chunk.OffsetBytes);
            bool follows = place >= 0 && chunk.OffsetBytes > 0;
            if (follows)
                _ends[place] = end;
            else
                _ends[_nextEnd++ % FollowedCount] = end;
            if (!follows)
                return;
        }
        for (int i = 0; i < ReadAheadCount && end < LengthBytes; i++)
        {
            ImageChunk next;
            try
            {
                next = _image.ChunkAt(end);
            }
            catch (ImageBackupException)
            {
                // The one who reads it gets it as an error.
                return;
            }
            end = next.OffsetBytes + next.LengthBytes;
            if (!next.IsZero && next.Location is not null)
                StartAhead(next);
        }
    }

    private void StartAhead(ImageChunk chunk)
    {
        Entry entry;
        lock (_lock)
        {
            if (_isDisposed || _aheadCount >= ReadAheadCount || _entries.ContainsKey(chunk.OffsetBytes) || chunk.LengthBytes > _capacityBytes / 4)
                return;
            entry = Add(chunk, isAhead: true);
            _aheadCount++;
        }
        ThreadPool.QueueUserWorkItem(_ =>
        {
            try
            {
                Load(chunk, entry);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The one who reads it gets it as an error; nobody may end the process from here.
            }
            finally
            {
                Release(entry);
                lock (_lock)
                {
                    _aheadCount--;
                    Monitor.PulseAll(_lock);
                }
            }
        });
    }

    /// <summary>Waits for what is being read ahead. No other call may be running.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            while (_aheadCount > 0)
                Monitor.Wait(_lock);
            _entries.Clear();
            _byUse.Clear();
            _spare.Clear();
        }
        while (_readers.TryTake(out ChunkReader? reader))
            reader.Dispose();
    }

    /// <summary>One chunk's content, or the promise of it.</summary>
    private sealed class Entry(long offsetBytes, byte[] buffer, bool isAhead)
    {
        private readonly object _finished = new();
        private bool _isFinished;
        private Exception? _failure;
        private int _isAhead = isAhead ? 1 : 0;

        public long OffsetBytes { get; } = offsetBytes;
        public byte[] Buffer { get; } = buffer;

        /// <summary>Null before it is there.</summary>
        public byte[]? Content => Volatile.Read(ref _isFinished) && _failure is null ? Buffer : null;

        // Both are changed under the reader's lock alone.
        public int UserCount { get; set; }
        public bool IsForgotten { get; set; }

        /// <summary>True once, for the first reader of what was read ahead.</summary>
        public bool TakeAhead() => Volatile.Read(ref _isAhead) != 0 && Interlocked.Exchange(ref _isAhead, 0) != 0;

        public void Finish(Exception? failure)
        {
            lock (_finished)
            {
                _failure = failure;
                Volatile.Write(ref _isFinished, true);
                Monitor.PulseAll(_finished);
            }
        }

        public void Wait()
        {
            if (!Volatile.Read(ref _isFinished))
            {
                lock (_finished)
                {
                    while (!_isFinished)
                        Monitor.Wait(_finished);
                }
            }
            if (_failure is BlockReadException failure)
                throw new BlockReadException(failure.OffsetBytes, failure.LengthBytes, failure.Message, failure.InnerException) { IsGone = failure.IsGone };
            if (_failure is not null)
                throw new BlockReadException(OffsetBytes, Buffer.Length, _failure.Message, _failure);
        }
    }
}
