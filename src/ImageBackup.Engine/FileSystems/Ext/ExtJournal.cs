using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// The committed but perhaps unwritten blocks of an ext3/ext4 journal (kernel documentation, ext4 "Journal
/// (jbd2)"): what the file system will look like once it is mounted and the log replayed. High byte first.
/// </summary>
internal sealed class ExtJournal
{
    private const uint Magic = 0xC03B3998;
    private const uint TypeDescriptor = 1;
    private const uint TypeCommit = 2;
    private const uint TypeSuperblock1 = 3;
    private const uint TypeSuperblock2 = 4;
    private const uint TypeRevoke = 5;
    private const uint CompatChecksum1 = 0x1;
    private const uint IncompatRevoke = 0x1;
    private const uint Incompat64Bit = 0x2;
    private const uint IncompatChecksum2 = 0x8;
    private const uint IncompatChecksum3 = 0x10;
    private const uint IncompatFastCommit = 0x20;
    private const uint KnownIncompat = IncompatRevoke | Incompat64Bit | IncompatChecksum2 | IncompatChecksum3 | IncompatFastCommit;
    private const uint TagEscaped = 0x1;
    private const uint TagSameUuid = 0x2;
    private const uint TagLast = 0x8;
    private const int HeaderLengthBytes = 12;
    private const int UuidLengthBytes = 16;
    private const int DefaultFastCommitBlockCount = 256;

    /// <summary>mke2fs makes no larger journal; it bounds the time and the memory of a hostile one.</summary>
    public const uint MaxBlockCount = 10_240_000;

    /// <summary>Logged blocks and revokes that are kept in memory: a log of 8 GiB at 4 KiB blocks.</summary>
    private const int MaxEntryCount = 1 << 21;

    private readonly IBlockReader _volume;
    private readonly ExtSuperblock _superblock;
    private readonly ExtFileMap _file;
    private readonly Dictionary<long, LoggedBlock> _committed = [];
    private readonly Dictionary<long, uint> _revoked = [];
    private uint _firstBlock;
    private uint _endBlock;
    private uint _features;
    private uint _checksumSeed;

    private ExtJournal(IBlockReader volume, ExtSuperblock superblock, ExtFileMap file)
    {
        _volume = volume;
        _superblock = superblock;
        _file = file;
    }

    private readonly record struct LoggedBlock(uint LogBlock, uint Sequence, uint Checksum, bool IsEscaped);

    private bool HasChecksums => (_features & (IncompatChecksum2 | IncompatChecksum3)) != 0;

    /// <summary>How many blocks of the file system a replay would write.</summary>
    public int Count => _committed.Count;

    /// <summary>Finds what a replay would write.</summary>
    /// <exception cref="FileSystemFormatException">The journal is elsewhere, damaged or of an unknown feature.</exception>
    public static ExtJournal Read(IBlockReader volume, ExtSuperblock superblock, CancellationToken cancellation)
    {
        if (superblock.JournalInode == 0)
            throw new FileSystemFormatException("ext: the journal holds unwritten changes and lies on another device");
        var journal = new ExtJournal(volume, superblock, ExtFileMap.Read(volume, superblock, superblock.JournalInode));
        journal.Scan(cancellation);
        return journal;
    }

    /// <summary>Whether a replay would write the block.</summary>
    public bool Contains(long block) => _committed.ContainsKey(block);

    /// <summary>Overwrites the bytes of a block with those that a replay would write; false if it would not.</summary>
    public bool TryRead(long block, Span<byte> bytes)
    {
        if (!_committed.TryGetValue(block, out LoggedBlock logged))
            return false;
        ReadLog(logged.LogBlock, bytes);
        if (logged.IsEscaped)
            BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        if (HasChecksums && _superblock.VerifiesChecksums)
        {
            Span<byte> sequence = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(sequence, logged.Sequence);
            // The checksum is of the block as it lies in the log: an escaped block's first bytes are zero there.
            uint checksum = Crc32C.Update(_checksumSeed, sequence);
            if (logged.IsEscaped)
            {
                sequence.Clear();
                checksum = Crc32C.Update(Crc32C.Update(checksum, sequence), bytes.Slice(4));
            }
            else
                checksum = Crc32C.Update(checksum, bytes);
            bool matches = (_features & IncompatChecksum3) != 0 ? checksum == logged.Checksum : (checksum & 0xFFFF) == logged.Checksum;
            if (!matches)
                throw new FileSystemFormatException($"ext: the journal's copy of block {block} does not match its checksum");
        }
        return true;
    }

    private void Scan(CancellationToken cancellation)
    {
        var block = new byte[_superblock.BlockSizeBytes];
        ReadLog(0, block);
        uint type = BigEndian.UInt32(block, 4);
        if (BigEndian.UInt32(block, 0) != Magic || type is not (TypeSuperblock1 or TypeSuperblock2))
            throw new FileSystemFormatException("ext: the journal has no superblock");
        uint blockCount = BigEndian.UInt32(block, 0x10);
        _firstBlock = BigEndian.UInt32(block, 0x14);
        uint sequence = BigEndian.UInt32(block, 0x18);
        uint start = BigEndian.UInt32(block, 0x1C);
        if (BigEndian.UInt32(block, 0x20) != 0)
            throw new FileSystemFormatException("ext: the journal was aborted after an error");
        uint compat = 0;
        if (type == TypeSuperblock2)
        {
            compat = BigEndian.UInt32(block, 0x24);
            _features = BigEndian.UInt32(block, 0x28);
        }
        if ((_features & ~KnownIncompat) != 0)
            throw new FileSystemFormatException($"ext: the journal has unknown features 0x{_features & ~KnownIncompat:x}");
        if (BigEndian.UInt32(block, 0xC) != block.Length || blockCount > MaxBlockCount || blockCount > _file.BlockCount
            || _firstBlock == 0 || _firstBlock >= blockCount)
            throw new FileSystemFormatException("ext: the journal's superblock does not fit its file");
        _checksumSeed = Crc32C.Update(uint.MaxValue, block.AsSpan(0x30, UuidLengthBytes));
        if (HasChecksums && _superblock.VerifiesChecksums && !MatchesChecksum(block.AsSpan(0, 1024), 0xFC, uint.MaxValue))
            throw new FileSystemFormatException("ext: the checksum of the journal's superblock does not match");
        _endBlock = blockCount;
        if ((_features & IncompatFastCommit) != 0)
        {
            uint fastCount = BigEndian.UInt32(block, 0x54);
            fastCount = fastCount == 0 ? DefaultFastCommitBlockCount : fastCount;
            if (fastCount >= blockCount - _firstBlock)
                throw new FileSystemFormatException("ext: the journal's fast-commit area does not fit");
            _endBlock = blockCount - fastCount;
        }
        // 0 = the log is empty: everything in it has reached its place.
        if (start != 0)
        {
            if ((compat & CompatChecksum1) != 0)
                throw new FileSystemFormatException("ext: the journal has checksums of version 1, which are not read");
            if (start < _firstBlock || start >= _endBlock)
                throw new FileSystemFormatException($"ext: the log starts at block {start} of {_endBlock}");
            sequence = ScanTransactions(start, sequence, block, cancellation);
            DropRevoked();
        }
        if ((_features & IncompatFastCommit) != 0)
            RefuseFastCommits(sequence, block);
    }

    private uint ScanTransactions(uint start, uint sequence, byte[] block, CancellationToken cancellation)
    {
        var tags = new Dictionary<long, LoggedBlock>();
        var revokes = new List<long>();
        uint position = start;
        uint left = _endBlock - _firstBlock;
        while (left > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            if (tags.Count > MaxEntryCount || revokes.Count > MaxEntryCount)
                throw new FileSystemFormatException("ext: a transaction is larger than is read");
            ReadLog(position, block);
            if (BigEndian.UInt32(block, 0) != Magic || BigEndian.UInt32(block, 8) != sequence)
                break;
            Advance(ref position, ref left, 1);
            switch (BigEndian.UInt32(block, 4))
            {
                case TypeDescriptor:
                    RequireTail(block, sequence);
                    uint count = ReadTags(block, sequence, position, left, tags);
                    Advance(ref position, ref left, count);
                    break;
                case TypeRevoke:
                    RequireTail(block, sequence);
                    ReadRevokes(block, revokes);
                    break;
                case TypeCommit:
                    if (HasChecksums && _superblock.VerifiesChecksums && !MatchesChecksum(block, 0x10, _checksumSeed))
                        throw new FileSystemFormatException($"ext: the commit of transaction {sequence} does not match its checksum");
                    if (_committed.Count + tags.Count > MaxEntryCount || _revoked.Count + revokes.Count > MaxEntryCount)
                        throw new FileSystemFormatException("ext: the journal holds more unwritten changes than are read");
                    foreach (KeyValuePair<long, LoggedBlock> tag in tags)
                        _committed[tag.Key] = tag.Value;
                    foreach (long revoked in revokes)
                        _revoked[revoked] = sequence;
                    tags.Clear();
                    revokes.Clear();
                    sequence = unchecked(sequence + 1);
                    break;
                default:
                    return sequence;
            }
        }
        return sequence;
    }

    private void Advance(ref uint position, ref uint left, uint count)
    {
        if (count > left)
            throw new FileSystemFormatException("ext: a transaction is larger than the log");
        left -= count;
        position += count;
        if (position >= _endBlock)
            position = position - _endBlock + _firstBlock;
    }

    private uint ReadTags(ReadOnlySpan<byte> block, uint sequence, uint position, uint left, Dictionary<long, LoggedBlock> tags)
    {
        bool is3 = (_features & IncompatChecksum3) != 0;
        bool is64Bit = (_features & Incompat64Bit) != 0;
        int tagLength = is3 ? 16 : ((_features & IncompatChecksum2) != 0 ? 10 : 8) + (is64Bit ? 4 : 0);
        int end = block.Length - (HasChecksums ? 4 : 0);
        uint count = 0;
        for (int at = HeaderLengthBytes; at + tagLength <= end;)
        {
            uint flags = is3 ? BigEndian.UInt32(block, at + 4) : BigEndian.UInt16(block, at + 6);
            uint checksum = is3 ? BigEndian.UInt32(block, at + 12) : BigEndian.UInt16(block, at + 4);
            ulong target = BigEndian.UInt32(block, at) | (is64Bit ? (ulong)BigEndian.UInt32(block, at + 8) << 32 : 0);
            if (count >= left)
                throw new FileSystemFormatException("ext: a transaction is larger than the log");
            uint logBlock = position + count;
            if (logBlock >= _endBlock)
                logBlock = logBlock - _endBlock + _firstBlock;
            tags[StructureBounds.Signed(target, at)] = new LoggedBlock(logBlock, sequence, checksum, (flags & TagEscaped) != 0);
            count++;
            if ((flags & TagLast) != 0)
                break;
            at += tagLength + ((flags & TagSameUuid) == 0 ? UuidLengthBytes : 0);
        }
        return count;
    }

    private void ReadRevokes(ReadOnlySpan<byte> block, List<long> revokes)
    {
        int entryLength = (_features & Incompat64Bit) != 0 ? 8 : 4;
        uint end = BigEndian.UInt32(block, HeaderLengthBytes);
        if (end < 16 || end > block.Length - (HasChecksums ? 4 : 0))
            throw new FileSystemFormatException($"ext: a revoke block of {end} bytes");
        for (int at = 16; at + entryLength <= end; at += entryLength)
            revokes.Add(entryLength == 8 ? BigEndian.Int63(block, at) : BigEndian.UInt32(block, at));
    }

    // A revoke means: the block was freed in that transaction, older copies must not come back.
    private void DropRevoked()
    {
        foreach (KeyValuePair<long, uint> revoked in _revoked)
        {
            if (_committed.TryGetValue(revoked.Key, out LoggedBlock logged) && unchecked((int)(logged.Sequence - revoked.Value)) <= 0)
                _committed.Remove(revoked.Key);
        }
    }

    // Fast commits (kernel documentation, "Fast commits") log changes, not blocks: they are not applied here.
    private void RefuseFastCommits(uint nextSequence, byte[] block)
    {
        const ushort tagHead = 9;
        ReadLog(_endBlock, block);
        if (LittleEndian.UInt16(block, 0) == tagHead && LittleEndian.UInt32(block, 8) == nextSequence)
            throw new FileSystemFormatException("ext: the journal holds unwritten fast commits");
    }

    private void RequireTail(Span<byte> block, uint sequence)
    {
        if (HasChecksums && _superblock.VerifiesChecksums && !MatchesChecksum(block, block.Length - 4, _checksumSeed))
            throw new FileSystemFormatException($"ext: a block of transaction {sequence} does not match its checksum");
    }

    // Of a structure that holds its own checksum, counted as zero.
    private static bool MatchesChecksum(ReadOnlySpan<byte> bytes, int checksumOffset, uint seed)
    {
        Span<byte> zero = stackalloc byte[4];
        zero.Clear();
        uint checksum = Crc32C.Update(seed, bytes.Slice(0, checksumOffset));
        checksum = Crc32C.Update(checksum, zero);
        checksum = Crc32C.Update(checksum, bytes.Slice(checksumOffset + 4));
        return checksum == BigEndian.UInt32(bytes, checksumOffset);
    }

    private void ReadLog(uint logBlock, Span<byte> bytes) =>
        _volume.ReadExact(_file.VolumeBlock(logBlock) * _superblock.BlockSizeBytes, bytes);
}
