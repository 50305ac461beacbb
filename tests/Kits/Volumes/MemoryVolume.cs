using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.Volumes;

/// <summary>A volume in memory, with a script for what goes wrong on it.</summary>
internal sealed class MemoryVolume(VolumeDescription description, byte[] content)
{
    private readonly Lock _gate = new();
    private int _openCount;

    public VolumeDescription Description { get; set; } = description;
    public byte[] Content { get; set; } = content;

    /// <summary>Readers and writers that were not disposed.</summary>
    public int OpenCount => Volatile.Read(ref _openCount);

    /// <summary>Called before every read with its offset and length; may throw, wait or cancel.</summary>
    public Action<long, int>? OnRead { get; set; }

    /// <summary>Called before every write with its offset and length; may throw.</summary>
    public Action<long, int>? OnWrite { get; set; }

    /// <summary>What a lying disk keeps of a write: nothing if it gives null.</summary>
    public Func<long, byte[], byte[]?>? Kept { get; set; }

    /// <summary>What the source's length is when it is asked again; null: as it was.</summary>
    public long? LengthLater { get; set; }

    /// <summary>Whether the device takes discards, and then fills with 0xDD.</summary>
    public bool CanDiscard { get; set; }

    /// <summary>Ranges that hold data, for a sparse reader; null: not sparse.</summary>
    public IReadOnlyList<ByteRange>? Data { get; set; }

    /// <summary>Whether opening it flushed what a driver held in memory.</summary>
    public bool IsFlushed { get; set; }

    /// <summary>What the driver answers when it is asked for the used clusters; null: it cannot be asked.</summary>
    public Func<VolumeBitmap?>? OwnMap { get; set; }

    public List<ByteRange> Reads { get; } = [];
    public List<ByteRange> Writes { get; } = [];
    public List<ByteRange> Discards { get; } = [];
    public int FlushCount { get; private set; }
    public int DropCount { get; private set; }

    public IBlockReader OpenReader()
    {
        Interlocked.Increment(ref _openCount);
        return OwnMap is not null ? new AskedHandle(this) : Data is null ? new Handle(this) : new SparseHandle(this);
    }

    public IBlockWriter OpenWriter()
    {
        Interlocked.Increment(ref _openCount);
        return new Handle(this);
    }

    private class Handle(MemoryVolume volume) : IBlockWriter, IFlushedReader, ILengthQuery
    {
        private readonly FirstFailure _failure = new();
        private bool _disposed;

        protected MemoryVolume Volume => volume;
        public long LengthBytes { get; } = volume.Content.Length;
        public bool IsFlushed => volume.IsFlushed;
        public int SectorSizeBytes => volume.Description.SectorSizeBytes;

        public long QueryLengthBytes() => volume.LengthLater ?? volume.Content.Length;

        public int ReadAt(long offsetBytes, Span<byte> buffer)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            volume.OnRead?.Invoke(offsetBytes, buffer.Length);
            int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, volume.Content.Length);
            lock (volume._gate)
            {
                volume.Reads.Add(new ByteRange(offsetBytes, count));
                volume.Content.AsSpan((int)offsetBytes, count).CopyTo(buffer);
            }
            return count;
        }

        public void WriteAt(long offsetBytes, ReadOnlySpan<byte> buffer)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _failure.ThrowIfFailed(offsetBytes, buffer.Length);
            BlockBounds.RequireInside(offsetBytes, buffer.Length, LengthBytes);
            try
            {
                volume.OnWrite?.Invoke(offsetBytes, buffer.Length);
            }
            catch (BlockWriteException e)
            {
                throw _failure.Record(e);
            }
            byte[]? kept = volume.Kept is { } lie ? lie(offsetBytes, buffer.ToArray()) : buffer.ToArray();
            lock (volume._gate)
            {
                volume.Writes.Add(new ByteRange(offsetBytes, buffer.Length));
                kept?.CopyTo(volume.Content, offsetBytes);
            }
        }

        public void ZeroRange(ByteRange range) => ZeroBytes.WriteTo(this, range);

        public bool TryDiscard(ByteRange range)
        {
            if (!volume.CanDiscard)
                return false;
            lock (volume._gate)
            {
                volume.Discards.Add(range);
                volume.Content.AsSpan((int)range.OffsetBytes, (int)range.LengthBytes).Fill(0xDD);
            }
            return true;
        }

        public void Flush()
        {
            _failure.ThrowIfFailed(0, 0);
            volume.FlushCount++;
        }

        public void DropCache() => volume.DropCount++;

        public void Dispose()
        {
            if (!_disposed)
                Interlocked.Decrement(ref volume._openCount);
            _disposed = true;
        }
    }

    private sealed class AskedHandle(MemoryVolume volume) : Handle(volume), IVolumeBitmapSource
    {
        public VolumeBitmap? QueryUsedMap() => Volume.OwnMap!();
    }

    private sealed class SparseHandle(MemoryVolume volume) : Handle(volume), ISparseBlockReader
    {
        public ByteRange? NextData(long offsetBytes)
        {
            foreach (ByteRange data in Volume.Data!.OrderBy(d => d.OffsetBytes))
            {
                long start = Math.Max(offsetBytes, data.OffsetBytes), end = Math.Min(LengthBytes, data.EndBytes);
                if (start < end)
                    return new ByteRange(start, end - start);
            }
            return null;
        }
    }
}
