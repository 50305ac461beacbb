using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>What the file allocation table says, read once and held against its copies and against itself.</summary>
internal sealed class FatTable
{
    private const int BatchBytes = 4 << 20;

    private FatTable(FatBootSector geometry)
    {
        UsedBits = new byte[(int)((geometry.ClusterCount + 63) / 64 * 8)];
        _targetBits = new byte[UsedBits.Length];
        _geometry = geometry;
    }

    private readonly FatBootSector _geometry;
    private readonly byte[] _targetBits;

    /// <summary>One bit a cluster, cluster 2 first; set = in a chain, at its end, or bad.</summary>
    public byte[] UsedBits { get; }
    public long UsedCount { get; private set; }

    /// <summary>The second entry, whose highest bits say whether the volume was closed cleanly.</summary>
    public uint StateEntry { get; private set; }

    /// <summary>Reads the table: 8 bytes of memory for every 32 clusters.</summary>
    /// <exception cref="FileSystemFormatException">
    /// The copies differ, or an entry is reserved, points outside, or points to a cluster that is free.
    /// </exception>
    public static FatTable Read(IBlockReader volume, FatBootSector geometry, CancellationToken cancellation)
    {
        var table = new FatTable(geometry);
        long tableBytes = (geometry.EntryCount * (int)geometry.Width + 7) / 8;
        if (tableBytes > geometry.FatSectorCount * geometry.SectorSizeBytes)
            throw new FileSystemFormatException($"FAT: the table is too short for {geometry.ClusterCount} clusters");

        // Batches of FAT12 would cut entries apart, but its table is never longer than one.
        var batch = new byte[(int)Math.Min(BatchBytes, tableBytes)];
        var other = new byte[geometry.ActiveFat is null && geometry.FatCount > 1 ? batch.Length : 0];
        for (long offset = 0; offset < tableBytes; offset += batch.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> bytes = batch.AsSpan(0, (int)Math.Min(batch.Length, tableBytes - offset));
            volume.ReadExact(geometry.FatOffsetBytes(geometry.ActiveFat ?? 0) + offset, bytes);
            for (int copy = 1; other.Length > 0 && copy < geometry.FatCount; copy++)
            {
                volume.ReadExact(geometry.FatOffsetBytes(copy) + offset, other.AsSpan(0, bytes.Length));
                if (!bytes.SequenceEqual(other.AsSpan(0, bytes.Length)))
                    throw new FileSystemFormatException($"FAT: copy {copy + 1} of the table differs from the first");
            }
            table.Take(bytes, offset * 8 / (int)geometry.Width);
        }
        for (int i = 0; i < table.UsedBits.Length; i++)
        {
            if ((table._targetBits[i] & ~table.UsedBits[i]) != 0)
                throw new FileSystemFormatException($"FAT: a chain runs into a free cluster near {i * 8 + 2}");
        }
        return table;
    }

    /// <summary>Reads one entry: for following a short chain without the whole table.</summary>
    public static uint ReadEntry(IBlockReader volume, FatBootSector geometry, uint cluster)
    {
        if (cluster >= geometry.EntryCount)
            throw new FileSystemFormatException($"FAT: there is no cluster {cluster}");
        long bit = (long)cluster * (int)geometry.Width;
        byte[] bytes = volume.ReadExact(geometry.FatOffsetBytes(geometry.ActiveFat ?? 0) + bit / 8, geometry.Width == FatWidth.Fat32 ? 4 : 2);
        return Entry(bytes, 0, geometry.Width, (bit & 4) != 0);
    }

    private void Take(ReadOnlySpan<byte> bytes, long firstEntry)
    {
        FatWidth width = _geometry.Width;
        uint marks = width switch { FatWidth.Fat12 => 0xFF7, FatWidth.Fat16 => 0xFFF7, _ => 0x0FFFFFF7 };
        long count = Math.Min(_geometry.EntryCount - firstEntry, bytes.Length * 8L / (int)width);
        int entriesInWord = width == FatWidth.Fat12 ? 0 : 64 / (int)width;
        for (long i = 0; i < count; i++)
        {
            // Free space comes in long stretches.
            while (entriesInWord > 0 && firstEntry + i > 0 && i % entriesInWord == 0
                && i + entriesInWord <= count && LittleEndian.UInt64(bytes, (int)(i / entriesInWord * 8)) == 0)
            {
                i += entriesInWord;
            }
            if (i == count)
                break;
            long number = firstEntry + i;
            long bit = i * (int)width;
            uint entry = Entry(bytes, (int)(bit / 8), width, (bit & 4) != 0);
            if (number < 2)
            {
                TakeReserved(number, entry);
                continue;
            }
            if (entry == 0)
                continue;
            Set(UsedBits, number - 2);
            UsedCount++;
            if (entry >= 2 && entry < _geometry.EntryCount)
                Set(_targetBits, entry - 2);
            else if (entry < marks)
                throw new FileSystemFormatException($"FAT: the entry of cluster {number} points to {entry}, outside the volume");
        }
    }

    private void TakeReserved(long number, uint entry)
    {
        if (number == 1)
            StateEntry = entry;
        else if ((entry & 0xFF) < 0xF0)
            throw new FileSystemFormatException("FAT: the table does not begin with the medium's mark");
    }

    // The upper four bits of a FAT32 entry are reserved. FAT12 packs two entries into three bytes.
    private static uint Entry(ReadOnlySpan<byte> bytes, int offset, FatWidth width, bool isUpperHalf) => width switch
    {
        FatWidth.Fat32 => LittleEndian.UInt32(bytes, offset) & 0x0FFFFFFF,
        FatWidth.Fat16 => LittleEndian.UInt16(bytes, offset),
        _ => isUpperHalf ? (uint)LittleEndian.UInt16(bytes, offset) >> 4 : LittleEndian.UInt16(bytes, offset) & 0xFFFu,
    };

    private static void Set(byte[] bits, long index) => bits[index >> 3] |= (byte)(1 << (int)(index & 7));
}
