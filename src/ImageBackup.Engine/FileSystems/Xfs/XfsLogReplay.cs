using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The committed changes of free-space structures that are in the log and perhaps not yet in their place: what a
/// mount would write ("XFS Algorithms &amp; Data Structures", Log Operations and Log Items).
/// </summary>
/// <remarks>
/// Only buffers that hold an allocation group's header or a B+tree block are kept; the rest of the log does not
/// say what is free. An extent that a pending intent would free stays used: a larger map, not a wrong one.
/// </remarks>
internal sealed class XfsLogReplay
{
    private const int OperationHeaderBytes = 12;
    private const byte OperationStart = 0x1;
    private const byte OperationCommit = 0x2;
    private const byte OperationWasContinued = 0x8;
    private const byte OperationUnmount = 0x20;
    private const uint TransactionMagic = 0x5452414E; // TRAN
    private const int TransactionHeaderBytes = 16;
    private const ushort ItemBuffer = 0x123C;
    private const ushort FirstItem = 0x1236;
    private const ushort LastItem = 0x124F;
    private const ushort BufferCancelled = 0x2;
    private const int BufferTypeShift = 11;
    private const int BufferTypeBtree = 4;
    private const int BufferTypeHeader = 5;
    private const int BufferMapOffset = 20;
    private const int ChunkBytes = 128;
    private const int SectorBytes = 512;

    /// <summary>A buffer is at most a directory block; more is not believed.</summary>
    private const int MaxBufferBytes = 65536;
    private const long MaxKeptBytes = 64L << 20;
    private const long MaxPendingBytes = 256L << 20;

    private const int MaxCancelledCount = 1 << 20;
    private const int MaxOpenCount = 1 << 16;

    /// <summary>What a region costs beside its bytes.</summary>
    private const int RegionOverheadBytes = 40;

    private readonly XfsSuperblock _superblock;
    private readonly Dictionary<uint, Transaction> _open = [];
    private readonly Dictionary<long, List<Change>> _changes = [];
    private readonly Dictionary<long, long> _cancelled = [];
    private long _sequence;
    private long _keptBytes;
    private long _pendingBytes;

    private XfsLogReplay(XfsSuperblock superblock) => _superblock = superblock;

    private readonly record struct Change(long Sequence, ulong Lsn, int OffsetBytes, byte[] Bytes);

    private sealed class Transaction(ulong lsn)
    {
        public ulong Lsn { get; } = lsn;
        public List<byte[]> Regions { get; } = [];
        public long PendingBytes { get; set; }
    }

    /// <summary>Changes of free-space structures that were found.</summary>
    public int Count => _changes.Count;

    /// <exception cref="FileSystemFormatException">The log is damaged or holds what is not known.</exception>
    public static XfsLogReplay Read(XfsLog log, XfsSuperblock superblock, CancellationToken cancellation)
    {
        var replay = new XfsLogReplay(superblock);
        foreach (XfsLog.Record record in log.ReadActive(cancellation))
            replay.ReadOperations(record);
        return replay;
    }

    /// <summary>
    /// Writes the changes over a structure's bytes as they lie on the volume. True if something was changed: its
    /// checksum is then out of date.
    /// </summary>
    /// <param name="offsetBytes">Where the structure lies on the volume.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="lsnOffset">Where it holds the place in the log of its last change; -1 if it has none.</param>
    /// <param name="magic">What its first four bytes are if the one that is there is of the same kind.</param>
    public bool Apply(long offsetBytes, Span<byte> bytes, int lsnOffset, uint magic)
    {
        if (!_changes.TryGetValue(offsetBytes / SectorBytes, out List<Change>? changes))
            return false;
        _cancelled.TryGetValue(offsetBytes / SectorBytes, out long cancelledBefore);
        ulong present = lsnOffset >= 0 && BigEndian.UInt32(bytes, 0) == magic ? BigEndian.UInt64(bytes, lsnOffset) : 0;
        bool hasChanged = false;
        foreach (Change change in changes)
        {
            // The volume has this change or a later one.
            if (change.Sequence < cancelledBefore || present != 0 && present != ulong.MaxValue && present >= change.Lsn)
                continue;
            if (change.OffsetBytes >= bytes.Length)
                throw new FileSystemFormatException("xfs: the log changes bytes behind a structure's end");
            ReadOnlySpan<byte> source = change.Bytes.AsSpan(0, Math.Min(change.Bytes.Length, bytes.Length - change.OffsetBytes));
            source.CopyTo(bytes.Slice(change.OffsetBytes));
            hasChanged = true;
        }
        return hasChanged;
    }

    private void ReadOperations(XfsLog.Record record)
    {
        ReadOnlySpan<byte> body = record.Body;
        int at = 0;
        for (uint i = 0; i < record.OperationCount; i++)
        {
            ReadOnlySpan<byte> header = StructureBounds.Field(body, at, OperationHeaderBytes);
            uint id = BigEndian.UInt32(header, 0);
            uint length = BigEndian.UInt32(header, 4);
            byte flags = header[9];
            if (length > (uint)body.Length)
                throw new FileSystemFormatException("xfs: a log operation is longer than its record");
            ReadOnlySpan<byte> region = StructureBounds.Field(body, at + OperationHeaderBytes, (int)length);
            at += OperationHeaderBytes + (int)length;
            if ((flags & OperationUnmount) != 0)
                continue;
            if ((flags & OperationStart) != 0)
            {
                if (_open.TryGetValue(id, out Transaction? abandoned))
                    _pendingBytes -= abandoned.PendingBytes;
                _open[id] = new Transaction(record.Lsn);
                if (_open.Count > MaxOpenCount)
                    throw new FileSystemFormatException("xfs: the log holds more open transactions than are read");
            }
            // The operations of a transaction whose start lies before the tail belong to what has been written.
            if (!_open.TryGetValue(id, out Transaction? transaction))
                continue;
            if ((flags & OperationCommit) != 0)
            {
                _open.Remove(id);
                _pendingBytes -= transaction.PendingBytes;
                Commit(transaction);
            }
            else if (region.Length > 0)
                Add(transaction, region, (flags & OperationWasContinued) != 0);
        }
    }

    private void Add(Transaction transaction, ReadOnlySpan<byte> region, bool isContinued)
    {
        transaction.PendingBytes += region.Length + RegionOverheadBytes;
        _pendingBytes += region.Length + RegionOverheadBytes;
        if (_pendingBytes > MaxPendingBytes)
            throw new FileSystemFormatException("xfs: the log holds larger transactions than are read");
        List<byte[]> regions = transaction.Regions;
        if (isContinued && regions.Count > 0)
        {
            byte[] joined = regions[regions.Count - 1];
            int before = joined.Length;
            if (before + region.Length > 1 << 20)
                throw new FileSystemFormatException("xfs: a region of the log is longer than any item");
            Array.Resize(ref joined, before + region.Length);
            region.CopyTo(joined.AsSpan(before));
            regions[regions.Count - 1] = joined;
        }
        else
            regions.Add(region.ToArray());
    }

    private void Commit(Transaction transaction)
    {
        List<byte[]> regions = transaction.Regions;
        if (regions.Count == 0)
            return;
        // In the byte order of the machine that wrote it, as everything in an item: low byte first here.
        if (regions[0].Length < TransactionHeaderBytes || LittleEndian.UInt32(regions[0], 0) != TransactionMagic)
            throw new FileSystemFormatException("xfs: a transaction of the log has no header");
        int at = 1;
        while (at < regions.Count)
        {
            ReadOnlySpan<byte> format = regions[at];
            ushort type = LittleEndian.UInt16(format, 0);
            int regionCount = LittleEndian.UInt16(format, 2);
            if (type is < FirstItem or > LastItem || regionCount == 0 || regionCount > regions.Count - at)
                throw new FileSystemFormatException($"xfs: the log holds an item of the unknown type 0x{type:x}");
            if (type == ItemBuffer)
                ReadBuffer(transaction.Lsn, regions, at, regionCount);
            at += regionCount;
        }
    }

    private void ReadBuffer(ulong lsn, List<byte[]> regions, int first, int regionCount)
    {
        ReadOnlySpan<byte> format = regions[first];
        ushort flags = LittleEndian.UInt16(format, 4);
        int lengthBytes = LittleEndian.UInt16(format, 6) * SectorBytes;
        long block = LittleEndian.Int63(format, 8);
        _sequence++;
        if ((flags & BufferCancelled) != 0)
        {
            _cancelled[block] = _sequence;
            if (_cancelled.Count > MaxCancelledCount)
                throw new FileSystemFormatException("xfs: the log frees more structures than are read");
            return;
        }
        int type = flags >> BufferTypeShift;
        if (type is not (BufferTypeBtree or BufferTypeHeader))
        {
            if (type == 0 && lengthBytes > 0 && !_superblock.HasChecksums)
                throw new FileSystemFormatException("xfs: the log holds changes of a buffer whose kind it does not tell");
            return;
        }
        uint wordCount = LittleEndian.UInt32(format, 16);
        if (lengthBytes is 0 or > MaxBufferBytes || wordCount > MaxBufferBytes / ChunkBytes / 32)
            throw new FileSystemFormatException($"xfs: the log holds a buffer of {lengthBytes} bytes");

        // A bit for every 128 bytes that changed; runs of them are the regions that follow.
        int bitCount = (int)wordCount * 32;
        int region = first + 1;
        for (int bit = 0; bit < bitCount;)
        {
            if (!IsSet(format, bit))
            {
                bit++;
                continue;
            }
            int start = bit;
            while (bit < bitCount && IsSet(format, bit))
                bit++;
            int left = (bit - start) * ChunkBytes;
            int offset = start * ChunkBytes;
            // A run may be spread over several regions.
            while (left > 0)
            {
                if (region >= first + regionCount)
                    throw new FileSystemFormatException("xfs: a buffer in the log has fewer bytes than it names");
                byte[] bytes = regions[region++];
                if (bytes.Length == 0 || bytes.Length > left || offset + bytes.Length > lengthBytes)
                    throw new FileSystemFormatException("xfs: a buffer in the log does not fit its map");
                Keep(block, new Change(_sequence, lsn, offset, bytes));
                offset += bytes.Length;
                left -= bytes.Length;
            }
        }
    }

    private void Keep(long block, Change change)
    {
        _keptBytes += change.Bytes.Length + 64;
        if (_keptBytes > MaxKeptBytes)
            throw new FileSystemFormatException("xfs: the log holds more unwritten changes than are read");
        if (!_changes.TryGetValue(block, out List<Change>? changes))
            _changes[block] = changes = [];
        changes.Add(change);
    }

    private static bool IsSet(ReadOnlySpan<byte> format, int bit) =>
        (LittleEndian.UInt32(format, BufferMapOffset + bit / 32 * 4) >> bit % 32 & 1) != 0;
}
