using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.F2fs;

/// <summary>
/// The newer of the two checkpoint packs: a state in which the volume is consistent. Bits in F2FS' bitmaps are counted from the
/// highest of each byte.
/// </summary>
internal sealed class F2fsCheckpoint
{
    private const int ChecksumOffset = 4092;
    private const int BitmapOffset = 192;
    private const int WarmNodeLog = 1;
    private const int LogCount = 3;
    private const uint UnmountFlag = 0x1;
    private const uint CompactSummaryFlag = 0x4;
    private const uint ErrorFlags = 0x8 | 0x10;
    private const uint FastBootFlag = 0x20;
    private const uint LargeNatBitmapFlag = 0x400;
    private const uint DisabledFlags = 0x1000 | 0x2000 | 0x4000;

    private const int JournalBytes = 507;
    private const int SummaryEntriesBytes = 512 * 7;
    private const int JournalEntryBytes = 4 + F2fsSit.EntryBytes;

    private readonly F2fsSuperblock _superblock;
    private readonly byte[] _first;
    private readonly long _startBlock;

    private F2fsCheckpoint(F2fsSuperblock superblock, byte[] first, long startBlock)
    {
        _superblock = superblock;
        _first = first;
        _startBlock = startBlock;
    }

    public ulong Version => LittleEndian.UInt64(_first, 0);
    public ulong ValidBlockCount => LittleEndian.UInt64(_first, 16);
    public uint FreeSegmentCount => LittleEndian.UInt32(_first, 32);
    public uint ValidNodeCount => LittleEndian.UInt32(_first, 144);
    private uint Flags => LittleEndian.UInt32(_first, 132);
    private uint PackBlockCount => LittleEndian.UInt32(_first, 136);

    public bool IsUnmounted => (Flags & UnmountFlag) != 0;
    public bool HasErrors => (Flags & ErrorFlags) != 0;

    /// <summary>Checkpoints are switched off, or a resize was cut short: the packs lag behind the volume.</summary>
    public bool IsDisabled => (Flags & DisabledFlags) != 0;

    /// <summary>The segments that are being filled; never free, even when still empty.</summary>
    public HashSet<uint> CurrentSegments()
    {
        var segments = new HashSet<uint>();
        for (int log = 0; log < LogCount; log++)
        {
            segments.Add(LittleEndian.UInt32(_first, 36 + 4 * log));
            segments.Add(LittleEndian.UInt32(_first, 84 + 4 * log));
        }
        return segments;
    }

    /// <summary>Where the next node of a file would go: what fsync wrote since the checkpoint begins there.</summary>
    public long? NextNodeBlock
    {
        get
        {
            uint segment = LittleEndian.UInt32(_first, 36 + 4 * WarmNodeLog);
            int offset = LittleEndian.UInt16(_first, 68 + 2 * WarmNodeLog);
            return segment < _superblock.MainSegmentCount && offset < F2fsSuperblock.BlocksPerSegment
                ? _superblock.MainBlock + (long)segment * F2fsSuperblock.BlocksPerSegment + offset
                : null;
        }
    }

    /// <exception cref="FileSystemFormatException">Neither pack is whole.</exception>
    public static F2fsCheckpoint Read(IBlockReader volume, F2fsSuperblock superblock, bool verifiesChecksums)
    {
        F2fsCheckpoint? newest = null;
        for (int pack = 0; pack < 2; pack++)
        {
            long start = superblock.CheckpointBlock + pack * (long)F2fsSuperblock.BlocksPerSegment;
            if (TryReadPack(volume, superblock, start, verifiesChecksums) is { } found
                && (newest is null || unchecked((long)(found.Version - newest.Version)) > 0))
            {
                newest = found;
            }
        }
        return newest ?? throw new FileSystemFormatException("F2FS: neither checkpoint is whole");
    }

    // A pack is whole if its first and last blocks are, and are of one version.
    private static F2fsCheckpoint? TryReadPack(IBlockReader volume, F2fsSuperblock superblock, long start, bool verifiesChecksums)
    {
        byte[] first = ReadBlock(volume, start);
        uint count = LittleEndian.UInt32(first, 136);
        if (count is < 2 or > F2fsSuperblock.BlocksPerSegment || !IsWhole(first, verifiesChecksums))
            return null;
        byte[] last = ReadBlock(volume, start + count - 1);
        return IsWhole(last, verifiesChecksums) && LittleEndian.UInt64(last, 0) == LittleEndian.UInt64(first, 0)
            ? new F2fsCheckpoint(superblock, first, start)
            : null;
    }

    private static bool IsWhole(byte[] block, bool verifiesChecksums)
    {
        uint offset = LittleEndian.UInt32(block, 164);
        if (offset is < BitmapOffset or > ChecksumOffset)
            return false;
        uint checksum = Crc32.Update(F2fsSuperblock.Magic, block.AsSpan(0, (int)offset));
        if (offset < ChecksumOffset)
            checksum = Crc32.Update(checksum, block.AsSpan((int)offset + 4));
        return !verifiesChecksums || checksum == LittleEndian.UInt32(block, (int)offset);
    }

    /// <summary>Which of the two copies of each SIT block is the current one: set bit = second.</summary>
    /// <exception cref="FileSystemFormatException">The bitmap does not fit.</exception>
    public byte[] SitVersions(IBlockReader volume, int blockCount)
    {
        uint sitBytes = LittleEndian.UInt32(_first, 156);
        uint natBytes = LittleEndian.UInt32(_first, 160);
        if (sitBytes < (uint)(blockCount + 7) / 8 || sitBytes > F2fsSuperblock.BlocksPerSegment * F2fsSuperblock.BlockBytes
            || natBytes > F2fsSuperblock.BlocksPerSegment * F2fsSuperblock.BlockBytes)
        {
            throw new FileSystemFormatException("F2FS: the version bitmap is too short");
        }
        if ((Flags & LargeNatBitmapFlag) != 0)
        {
            // Both bitmaps behind a checksum, NAT's first; they may reach into the payload.
            byte[] all = ReadBlocks(volume, _startBlock, 1 + (int)_superblock.CheckpointPayloadCount);
            return StructureBounds.Field(all, (int)(BitmapOffset + 4 + natBytes), (int)sitBytes).ToArray();
        }
        if (_superblock.CheckpointPayloadCount > 0)
            return StructureBounds.Field(ReadBlocks(volume, _startBlock + 1, (int)_superblock.CheckpointPayloadCount), 0, (int)sitBytes).ToArray();
        return StructureBounds.Field(_first, BitmapOffset, (int)sitBytes).ToArray();
    }

    /// <summary>SIT entries newer than the table's, by segment: kept with the summary of the log of cold data.</summary>
    /// <exception cref="FileSystemFormatException">The journal is damaged.</exception>
    public Dictionary<uint, byte[]> SitJournal(IBlockReader volume)
    {
        ReadOnlySpan<byte> journal;
        if ((Flags & CompactSummaryFlag) != 0)
        {
            // NAT's journal, SIT's journal, then the summaries.
            long block = _startBlock + LittleEndian.UInt32(_first, 140);
            journal = ReadBlock(volume, block).AsSpan(JournalBytes, JournalBytes);
        }
        else
        {
            // Summaries of data logs, of node logs if there are any, and the last block, counted from the pack's end.
            const int ColdData = 2;
            int summaryCount = (Flags & (UnmountFlag | FastBootFlag)) != 0 ? 2 * LogCount : LogCount;
            long block = _startBlock + PackBlockCount - (summaryCount + 1) + ColdData;
            journal = ReadBlock(volume, block).AsSpan(SummaryEntriesBytes, JournalBytes);
        }
        int count = LittleEndian.UInt16(journal, 0);
        if (2 + count * JournalEntryBytes > JournalBytes)
            throw new FileSystemFormatException($"F2FS: the SIT journal has {count} entries");
        var entries = new Dictionary<uint, byte[]>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = journal.Slice(2 + i * JournalEntryBytes, JournalEntryBytes);
            entries[LittleEndian.UInt32(entry, 0)] = entry.Slice(4).ToArray();
        }
        return entries;
    }

    private static byte[] ReadBlock(IBlockReader volume, long block) => ReadBlocks(volume, block, 1);

    private static byte[] ReadBlocks(IBlockReader volume, long block, int count) =>
        volume.ReadExact(block * F2fsSuperblock.BlockBytes, count * F2fsSuperblock.BlockBytes);
}
