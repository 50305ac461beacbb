using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The records of an internal XFS log that a mount would recover ("XFS Algorithms &amp; Data Structures", Journaling
/// Log). The log is a ring of 512-byte blocks, each stamped with the number of the round it was written in.
/// </summary>
internal sealed class XfsLog
{
    private const int LogBlockBytes = 512;
    private const uint RecordMagic = 0xFEEDBABE;
    private const int RecordHeaderBytes = 328;
    private const int RecordHeaderBytes32 = 324;
    private const int ExtendedHeaderBytes = 260;
    private const int CrcOffset = 32;
    private const int CycleDataOffset = 44;
    private const int CyclesPerHeader = 64;
    private const int BytesPerHeader = CyclesPerHeader * LogBlockBytes;
    private const int MaxRecordBytes = 256 * 1024;
    private const byte OperationUnmount = 0x20;

    /// <summary>As many log buffers may be under way, and reach the disk in any order.</summary>
    private const int MaxBufferCount = 8;

    private const int WindowBlockCount = MaxBufferCount * MaxRecordBytes / LogBlockBytes;

    private readonly IBlockReader _volume;
    private readonly XfsSuperblock _superblock;
    private readonly long _blockCount;
    private readonly bool _dropsTornRecords;
    private long _head;
    private long _lastRecord = -1;
    private bool _isZeroed;

    private XfsLog(IBlockReader volume, XfsSuperblock superblock, bool dropsTornRecords)
    {
        _volume = volume;
        _dropsTornRecords = dropsTornRecords;
        _superblock = superblock;
        _blockCount = superblock.LogLengthBytes / LogBlockBytes;
    }

    /// <summary>One record: its place in the log's time, and its operations' bytes.</summary>
    public readonly record struct Record(ulong Lsn, byte[] Body, uint OperationCount);

    /// <summary>The log ends with the mark of an unmount: everything has reached its place.</summary>
    public bool IsClean { get; private set; }

    /// <param name="volume">The volume.</param>
    /// <param name="superblock">Its superblock.</param>
    /// <param name="dropsTornRecords">
    /// Records at the head that did not arrive whole are left out, as a mount does. Otherwise they are damage: a mounted
    /// volume's log goes on while it is read, and a map of used blocks is better not made of it.
    /// </param>
    /// <exception cref="FileSystemFormatException">The log is damaged or lies elsewhere.</exception>
    public static XfsLog Open(IBlockReader volume, XfsSuperblock superblock, bool dropsTornRecords = false)
    {
        if (superblock.LogStart == 0)
            throw new FileSystemFormatException("xfs: the log lies on another device");
        var log = new XfsLog(volume, superblock, dropsTornRecords);
        log.FindHead();
        log.IsClean = log._isZeroed || log.EndsWithUnmount();
        return log;
    }

    /// <summary>The records between tail and head, oldest first.</summary>
    /// <exception cref="FileSystemFormatException">A record is damaged.</exception>
    public IEnumerable<Record> ReadActive(CancellationToken cancellation)
    {
        if (IsClean)
            yield break;
        byte[] last = ReadBlocks(_lastRecord, 1);
        ulong tailLsn = BigEndian.UInt64(last, 24);
        long position = (uint)tailLsn;
        if (position >= _blockCount)
            throw new FileSystemFormatException($"xfs: the log's tail {position} lies outside its {_blockCount} blocks");
        uint expectedCycle = (uint)(tailLsn >> 32);
        long distance = (_head - position + _blockCount) % _blockCount;
        // The tail at the head: a log that is full to the last block, or one whose only record covers it.
        long left = distance == 0 ? _blockCount : distance;
        while (left > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] header = ReadBlocks(position, 1);
            RequireRecord(header, position);
            if (BigEndian.UInt32(header, 4) != expectedCycle)
                throw new FileSystemFormatException($"xfs: the log's record at block {position} is of another round");
            (int headerCount, int lengthBytes, int bodyCount) = Extent(header);
            if (headerCount + bodyCount > left)
                throw new FileSystemFormatException("xfs: a record reaches past the log's head");
            byte[] headers = ReadBlocks(position, headerCount);
            byte[] body = ReadBlocks((position + headerCount) % _blockCount, bodyCount);
            RequireChecksum(headers, body.AsSpan(0, lengthBytes), position);
            Unpack(headers, body);
            yield return new Record(BigEndian.UInt64(header, 16), body.AsSpan(0, lengthBytes).ToArray(), BigEndian.UInt32(header, 40));
            long next = position + headerCount + bodyCount;
            if (next >= _blockCount)
                expectedCycle++;
            position = next % _blockCount;
            left -= headerCount + bodyCount;
        }
    }

    // The newest block is where the round's number falls: found by halves, then corrected for the last writes,
    // which may have arrived out of order.
    private void FindHead()
    {
        uint first = Cycle(0);
        uint last = Cycle(_blockCount - 1);
        if (first == 0)
        {
            _isZeroed = true;
            return;
        }
        long head = _blockCount;
        if (first != last)
        {
            if (last != first - 1 && last != 0)
                throw new FileSystemFormatException($"xfs: the log's rounds {first} and {last} do not follow one another");
            long low = 0;
            long high = _blockCount - 1;
            while (low + 1 < high)
            {
                long middle = (low + high) / 2;
                if (Cycle(middle) == first)
                    low = middle;
                else
                    high = middle;
            }
            head = high;
        }

        // Within the window before the head every block must be of the round; the first that is not is the head.
        long start = Math.Max(0, head - WindowBlockCount);
        byte[] window = ReadBlocks(start, (int)(head - start));
        for (long block = start; block < head; block++)
        {
            if (Cycle(window.AsSpan((int)(block - start) * LogBlockBytes, LogBlockBytes)) != first)
            {
                head = block;
                break;
            }
        }
        if (head < WindowBlockCount)
        {
            // The last writes may reach back over the ring's seam into the round before.
            long seam = Math.Max(head, _blockCount - (WindowBlockCount - head));
            if (last == first - 1 && last != 0)
            {
                byte[] end = ReadBlocks(seam, (int)(_blockCount - seam));
                for (int block = 0; block < end.Length / LogBlockBytes; block++)
                {
                    if (Cycle(end.AsSpan(block * LogBlockBytes, LogBlockBytes)) == last)
                        continue;
                    if (!_dropsTornRecords)
                        throw new FileSystemFormatException("xfs: the log's last writes did not all arrive");
                    // All of this round came behind what is missing.
                    head = seam + block;
                    first = last;
                    break;
                }
            }
        }
        FindLastRecord(head, first);
    }

    private void FindLastRecord(long head, uint cycle)
    {
        Found last = FindRecordBefore(head, cycle);
        for (int tornCount = 0; !last.IsWhole; last = FindRecordBefore(head, cycle))
        {
            if (!_dropsTornRecords || ++tornCount > MaxBufferCount)
                throw new FileSystemFormatException("xfs: the log's last record is not whole");
            if (last.Block >= head)
                cycle--;
            head = last.Block;
        }
        _lastRecord = last.Block;
        // Behind an unmount nothing was under way.
        if (_dropsTornRecords && _superblock.HasChecksums && _superblock.VerifiesChecksums && !EndsWithUnmount() && DropMismatched(ref head, ref cycle))
        {
            last = FindRecordBefore(head, cycle);
            _lastRecord = last.IsWhole ? last.Block : throw new FileSystemFormatException("xfs: the log's last record is not whole");
        }
        _head = head % _blockCount;
    }

    // A record may have its marks in every block and not its bytes, if the disk wrote them in another order: of those that
    // were under way the oldest that is damaged ends the log.
    private bool DropMismatched(ref long head, ref uint cycle)
    {
        (long Head, uint Cycle)? oldest = null;
        (long at, uint round) = (head, cycle);
        long passedCount = 0;
        for (int i = 0; i < MaxBufferCount; i++)
        {
            if (FindRecordBefore(at, round, isNeeded: false) is not { IsWhole: true } record || (passedCount += record.BlockCount) >= _blockCount)
                break;
            if (record.Block >= at)
                round--;
            at = record.Block;
            byte[] bytes = ReadBlocks(at, (int)record.BlockCount);
            (int headerCount, int lengthBytes, _) = Extent(bytes);
            // The record that mkfs.xfs writes has none.
            if (LittleEndian.UInt32(bytes, CrcOffset) != 0
                && !MatchesChecksum(bytes.AsSpan(0, headerCount * LogBlockBytes), bytes.AsSpan(headerCount * LogBlockBytes, lengthBytes)))
                oldest = (at, round);
        }
        if (oldest is not { } end)
            return false;
        (head, cycle) = end;
        return true;
    }

    private readonly record struct Found(long Block, long BlockCount, bool IsWhole);

    /// <summary>The nearest record that begins before a place: whole if it ends there and its header is what it must be.</summary>
    private Found FindRecordBefore(long head, uint cycle, bool isNeeded = true)
    {
        long back = Math.Min(_blockCount, WindowBlockCount);
        for (long distance = 1; distance <= back; distance++)
        {
            long block = (head - distance + _blockCount) % _blockCount;
            byte[] header = ReadBlocks(block, 1);
            if (BigEndian.UInt32(header, 0) != RecordMagic)
                continue;
            try
            {
                RequireRecord(header, block);
                (int headerCount, _, int bodyCount) = Extent(header);
                uint expected = distance <= head ? cycle : cycle - 1;
                return new Found(block, distance, BigEndian.UInt32(header, 4) == expected && headerCount + bodyCount == distance);
            }
            catch (FileSystemFormatException) when (_dropsTornRecords)
            {
                return new Found(block, distance, IsWhole: false);
            }
        }
        return isNeeded ? throw new FileSystemFormatException("xfs: the log has no record before its head") : default;
    }

    private bool EndsWithUnmount()
    {
        byte[] header = ReadBlocks(_lastRecord, 1);
        (int headerCount, int lengthBytes, _) = Extent(header);
        if (BigEndian.UInt32(header, 40) != 1 || lengthBytes < 12)
            return false;
        byte[] body = ReadBlocks((_lastRecord + headerCount) % _blockCount, 1);
        return (body[9] & OperationUnmount) != 0;
    }

    private void RequireRecord(ReadOnlySpan<byte> header, long block)
    {
        uint version = BigEndian.UInt32(header, 8);
        if (BigEndian.UInt32(header, 0) != RecordMagic || version is not (1 or 2)
            || BigEndian.UInt32(header, 12) > MaxRecordBytes || BigEndian.UInt32(header, 16 + 4) != block
            || _superblock.VerifiesChecksums && !header.Slice(304, 16).SequenceEqual(_superblock.Uuid) && !header.Slice(304, 16).SequenceEqual(_superblock.MetadataUuid))
            throw new FileSystemFormatException($"xfs: the log has no valid record at block {block}");
        if (BigEndian.UInt32(header, 300) > 1)
            throw new FileSystemFormatException("xfs: the log was written by a machine of the other byte order");
    }

    // Header blocks, bytes of the body, blocks of the body.
    private static (int HeaderCount, int LengthBytes, int BodyCount) Extent(ReadOnlySpan<byte> header)
    {
        int headerCount = 1;
        uint sizeBytes = BigEndian.UInt32(header, 320);
        if (BigEndian.UInt32(header, 8) == 2 && sizeBytes > BytesPerHeader)
        {
            if (sizeBytes > MaxRecordBytes)
                throw new FileSystemFormatException($"xfs: log records of up to {sizeBytes} bytes");
            headerCount = (int)((sizeBytes + BytesPerHeader - 1) / BytesPerHeader);
        }
        int lengthBytes = (int)Math.Min(BigEndian.UInt32(header, 12), MaxRecordBytes);
        if (lengthBytes > headerCount * BytesPerHeader)
            throw new FileSystemFormatException("xfs: a log record is larger than its header allows");
        return (headerCount, lengthBytes, (lengthBytes + LogBlockBytes - 1) / LogBlockBytes);
    }

    private void RequireChecksum(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body, long block)
    {
        if (_superblock.HasChecksums && _superblock.VerifiesChecksums && !MatchesChecksum(headers, body))
            throw new FileSystemFormatException($"xfs: the log's record at block {block} does not match its checksum");
    }

    // Machines of 32 bits end the header earlier.
    private static bool MatchesChecksum(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body) =>
        LittleEndian.UInt32(headers, CrcOffset) is var stored
        && (stored == Checksum(headers, body, RecordHeaderBytes) || stored == Checksum(headers, body, RecordHeaderBytes32));

    private static uint Checksum(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body, int headerBytes)
    {
        Span<byte> zero = stackalloc byte[4];
        zero.Clear();
        uint crc = Crc32C.Update(uint.MaxValue, headers.Slice(0, CrcOffset));
        crc = Crc32C.Update(crc, zero);
        crc = Crc32C.Update(crc, headers.Slice(CrcOffset + 4, headerBytes - CrcOffset - 4));
        for (int at = LogBlockBytes; at < headers.Length; at += LogBlockBytes)
            crc = Crc32C.Update(crc, headers.Slice(at, ExtendedHeaderBytes));
        return ~Crc32C.Update(crc, body);
    }

    // The first four bytes of every block went into the header to make room for the round's number.
    private static void Unpack(ReadOnlySpan<byte> headers, Span<byte> body)
    {
        for (int block = 0; block < body.Length / LogBlockBytes; block++)
        {
            int header = block / CyclesPerHeader;
            int at = header * LogBlockBytes + (header == 0 ? CycleDataOffset : 4) + block % CyclesPerHeader * 4;
            headers.Slice(at, 4).CopyTo(body.Slice(block * LogBlockBytes));
        }
    }

    private uint Cycle(long block) => Cycle(ReadBlocks(block, 1));

    private static uint Cycle(ReadOnlySpan<byte> block)
    {
        uint word = BigEndian.UInt32(block, 0);
        return word == RecordMagic ? BigEndian.UInt32(block, 4) : word;
    }

    // Past the end the log goes on at its start.
    private byte[] ReadBlocks(long block, int count)
    {
        var bytes = new byte[count * LogBlockBytes];
        int untilEnd = (int)Math.Min(count, _blockCount - block);
        _volume.ReadExact(_superblock.LogOffsetBytes + block * LogBlockBytes, bytes.AsSpan(0, untilEnd * LogBlockBytes));
        if (count > untilEnd)
        {
            if (count - untilEnd > _blockCount)
                throw new FileSystemFormatException("xfs: a record is larger than the log");
            _volume.ReadExact(_superblock.LogOffsetBytes, bytes.AsSpan(untilEnd * LogBlockBytes));
        }
        return bytes;
    }
}
