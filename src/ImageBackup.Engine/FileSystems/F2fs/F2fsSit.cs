using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.F2fs;

/// <summary>The segment information table: which blocks of each segment of the main area are valid.</summary>
internal static class F2fsSit
{
    /// <summary>Count and type (2 bytes), bitmap (64), time (8).</summary>
    public const int EntryBytes = 74;
    private const int MapOffset = 2;
    private const int MapBytes = F2fsSuperblock.BlocksPerSegment / 8;
    private const int EntriesPerBlock = F2fsSuperblock.BlockBytes / EntryBytes;
    private const int CountMask = 0x3FF;
    private const int TypeShift = 10;

    /// <summary>Hot, warm and cold data are 0 to 2, hot, warm and cold nodes 3 to 5.</summary>
    private const int FirstNodeType = 3;
    private const int BatchBlocks = 256;

    public static int BlockCount(F2fsSuperblock superblock) =>
        (int)((superblock.MainSegmentCount + (long)EntriesPerBlock - 1) / EntriesPerBlock);

    /// <summary>Clears what is free in the builder. Returns the number of valid blocks, of those among them that hold nodes, and of free segments.</summary>
    /// <exception cref="FileSystemFormatException">A segment's count contradicts its bitmap.</exception>
    public static (long ValidBlocks, long NodeBlocks, long FreeSegments) Free(
        IBlockReader volume, F2fsSuperblock superblock, F2fsCheckpoint checkpoint, UsedRangeBuilder builder, CancellationToken cancellation)
    {
        int blockCount = BlockCount(superblock);
        long copyBlocks = superblock.SitSegmentCount / 2L * F2fsSuperblock.BlocksPerSegment;
        if (blockCount > copyBlocks)
            throw new FileSystemFormatException("F2FS: the segment information table is too short");
        byte[] versions = checkpoint.SitVersions(volume, blockCount);
        Dictionary<uint, byte[]> journal = checkpoint.SitJournal(volume);
        HashSet<uint> current = checkpoint.CurrentSegments();

        var first = new byte[Math.Min(BatchBlocks, blockCount) * F2fsSuperblock.BlockBytes];
        var second = new byte[first.Length];
        var map = new byte[MapBytes];
        long validBlocks = 0;
        long nodeBlocks = 0;
        long freeSegments = 0;
        uint segment = 0;
        for (int start = 0; start < blockCount; start += BatchBlocks)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(BatchBlocks, blockCount - start);
            ReadCopy(volume, superblock.SitBlock + start, first, count);
            ReadCopy(volume, superblock.SitBlock + copyBlocks + start, second, count);
            for (int i = 0; i < count; i++)
            {
                bool isSecond = (versions[(start + i) >> 3] >> (7 - ((start + i) & 7)) & 1) != 0;
                ReadOnlySpan<byte> block = (isSecond ? second : first).AsSpan(i * F2fsSuperblock.BlockBytes, F2fsSuperblock.BlockBytes);
                for (int slot = 0; slot < EntriesPerBlock && segment < superblock.MainSegmentCount; slot++, segment++)
                {
                    ReadOnlySpan<byte> entry = journal.TryGetValue(segment, out byte[]? newer) ? newer : block.Slice(slot * EntryBytes, EntryBytes);
                    int valid = FreeSegment(superblock, segment, entry, map, builder);
                    validBlocks += valid;
                    if (LittleEndian.UInt16(entry, 0) >> TypeShift >= FirstNodeType)
                        nodeBlocks += valid;
                    if (valid == 0 && !current.Contains(segment))
                        freeSegments++;
                }
            }
        }
        return (validBlocks, nodeBlocks, freeSegments);
    }

    private static int FreeSegment(F2fsSuperblock superblock, uint segment, ReadOnlySpan<byte> entry, byte[] map, UsedRangeBuilder builder)
    {
        for (int i = 0; i < MapBytes; i++)
            map[i] = Reverse(entry[MapOffset + i]);
        int valid = LittleEndian.UInt16(entry, 0) & CountMask;
        long offset = (superblock.MainBlock + (long)segment * F2fsSuperblock.BlocksPerSegment) * F2fsSuperblock.BlockBytes;
        long free = builder.FreeByBitmap(map, offset, F2fsSuperblock.BlocksPerSegment, F2fsSuperblock.BlockBytes);
        if (valid + free != F2fsSuperblock.BlocksPerSegment)
            throw new FileSystemFormatException($"F2FS: segment {segment} counts {valid} valid blocks, its bitmap {F2fsSuperblock.BlocksPerSegment - free}");
        return valid;
    }

    private static void ReadCopy(IBlockReader volume, long block, byte[] target, int count) =>
        volume.ReadExact(block * F2fsSuperblock.BlockBytes, target.AsSpan(0, count * F2fsSuperblock.BlockBytes));

    private static byte Reverse(byte value)
    {
        int bits = value;
        bits = (bits & 0xF0) >> 4 | (bits & 0x0F) << 4;
        bits = (bits & 0xCC) >> 2 | (bits & 0x33) << 2;
        return (byte)((bits & 0xAA) >> 1 | (bits & 0x55) << 1);
    }
}
