using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Disks;

/// <summary>Reads a master boot record and its chain of extended boot records.</summary>
/// <remarks>
/// Layout: UEFI specification 5.2; the chain of EBRs: each has one logical partition, counted from that EBR, and the next EBR,
/// counted from the extended partition. Every first sector that ends in 55 AA may be a boot sector without a table (FAT, NTFS),
/// so all four entries must make sense before one of them is believed.
/// </remarks>
internal static class MasterBootRecord
{
    public const byte ProtectiveType = 0xEE;
    public const int EntriesOffset = 446;
    private const int LengthBytes = 512;
    private const int SignatureOffset = 440;
    private const int EntryBytes = 16;
    private const int EntryCount = 4;
    private const int TypeOffset = 4;
    private const int StartOffset = 8;
    private const int SectorCountOffset = 12;
    private const int FirstLogicalNumber = 5;

    /// <summary>Linux numbers partitions up to 255; a longer chain is a circle or malice.</summary>
    private const int MostLogicalPartitions = 256;

    /// <summary>The bytes that make a sector an MBR: the entries and 55 AA.</summary>
    private static readonly ByteRange s_mark = new(EntriesOffset, LengthBytes - EntriesOffset);

    private readonly record struct Entry(byte Type, long StartSector, long SectorCount)
    {
        public bool IsExtended => Type is 0x05 or 0x0F or 0x85;
    }

    /// <summary>The table; null if the first sector is not one. A protective MBR alone is none either.</summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static DiskTable? Read(IBlockReader disk)
    {
        byte[] sector = new byte[LengthBytes];
        if (ReadEntries(disk, 0, sector) is not { } entries || HasProtectiveEntry(entries))
            return null;
        int sectorSizeBytes = disk.SectorSizeBytes;
        uint signature = BinaryPrimitives.ReadUInt32LittleEndian(sector.AsSpan(SignatureOffset));
        var partitions = new List<DiskPartition>();
        var faults = new List<string>();
        Entry? extended = null;
        for (int i = 0; i < EntryCount; i++)
        {
            // mkfs.vfat --mbr=y writes an entry that begins at the sector itself: the file system, not a partition.
            if (entries[i].Type == 0 || entries[i].StartSector == 0 || entries[i].SectorCount == 0)
                continue;
            if (TryPlace(disk, sectorSizeBytes, entries[i].StartSector, entries[i].SectorCount) is not { } extent)
            {
                faults.Add($"the partition {i + 1} begins behind the disk's end");
                continue;
            }
            if (entries[i].IsExtended)
                extended ??= entries[i];
            partitions.Add(new DiskPartition
            {
                Number = i + 1,
                Extent = extent,
                Uuid = Uuid(signature, i + 1),
                Type = TypeText(entries[i].Type),
                IsExtended = entries[i].IsExtended,
            });
        }
        if (partitions.Overlap() is { } overlap)
            faults.Add(overlap);
        if (extended is { } chain)
            ReadLogical(disk, signature, chain, partitions, faults);
        return new DiskTable
        {
            Kind = DiskTableKind.Mbr,
            Marks = [s_mark],
            Partitions = partitions,
            DiskId = signature == 0 ? null : signature.ToString("x8", CultureInfo.InvariantCulture),
            SectorSizeBytes = sectorSizeBytes,
            Faults = faults,
        };
    }

    /// <summary>Whether the first sector says that the disk has a GPT.</summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static bool IsProtective(IBlockReader disk) =>
        ReadEntries(disk, 0, new byte[LengthBytes]) is { } entries && HasProtectiveEntry(entries);

    private static bool HasProtectiveEntry(Entry[] entries)
    {
        foreach (Entry entry in entries)
        {
            if (entry.Type == ProtectiveType && entry.StartSector != 0)
                return true;
        }
        return false;
    }

    /// <summary>The four entries; null if the sector has no mark or an entry is code or text.</summary>
    private static Entry[]? ReadEntries(IBlockReader disk, long offsetBytes, byte[] sector)
    {
        if (offsetBytes < 0 || offsetBytes > disk.LengthBytes - LengthBytes || disk.ReadAt(offsetBytes, sector) < LengthBytes
            || sector[LengthBytes - 2] != 0x55 || sector[LengthBytes - 1] != 0xAA)
            return null;
        var entries = new Entry[EntryCount];
        for (int i = 0; i < EntryCount; i++)
        {
            ReadOnlySpan<byte> entry = sector.AsSpan(EntriesOffset + (i * EntryBytes), EntryBytes);
            if (entry[0] is not (0x00 or 0x80))
                return null;
            entries[i] = new Entry(entry[TypeOffset],
                BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(StartOffset)),
                BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(SectorCountOffset)));
        }
        return entries;
    }

    /// <summary>Where the sectors lie, cut at the disk's end; null if they begin behind it.</summary>
    private static ByteRange? TryPlace(IBlockReader disk, int sectorSizeBytes, long startSector, long sectorCount)
    {
        // 32 bits of sectors (and, for logical partitions, twice that) of up to 64 KiB: no overflow of 63 bits.
        long startBytes = startSector * sectorSizeBytes;
        return startBytes >= disk.LengthBytes
            ? null
            : new ByteRange(startBytes, Math.Min(sectorCount * sectorSizeBytes, disk.LengthBytes - startBytes));
    }

    private static void ReadLogical(IBlockReader disk, uint signature, Entry extended, List<DiskPartition> partitions, List<string> faults)
    {
        int sectorSizeBytes = disk.SectorSizeBytes;
        long endSector = extended.StartSector + extended.SectorCount;
        byte[] sector = new byte[LengthBytes];
        var visited = new HashSet<long>();
        long at = extended.StartSector;
        int number = FirstLogicalNumber;
        while (true)
        {
            if (!visited.Add(at) || visited.Count > MostLogicalPartitions)
            {
                faults.Add($"the chain of extended boot records runs in a circle, or is longer than {MostLogicalPartitions}");
                return;
            }
            if (at < extended.StartSector || at >= endSector || ReadEntries(disk, at * sectorSizeBytes, sector) is not { } entries)
            {
                // An extended partition that was never used has no record at its start.
                if (visited.Count > 1)
                    faults.Add($"the chain of extended boot records leads to sector {at}, which holds none");
                return;
            }
            Entry? next = null;
            foreach (Entry entry in entries)
            {
                if (entry.Type == 0 || entry.SectorCount == 0)
                    continue;
                if (entry.IsExtended)
                {
                    next ??= entry;
                    continue;
                }
                if (entry.StartSector == 0 || at + entry.StartSector + entry.SectorCount > endSector
                    || TryPlace(disk, sectorSizeBytes, at + entry.StartSector, entry.SectorCount) is not { } extent)
                {
                    faults.Add($"a logical partition of the record in sector {at} lies outside of the extended partition");
                    continue;
                }
                partitions.Add(new DiskPartition
                {
                    Number = number,
                    Extent = extent,
                    Uuid = Uuid(signature, number),
                    Type = TypeText(entry.Type),
                    IsLogical = true,
                });
                number++;
            }
            if (next is not { StartSector: > 0 } following)
                return;
            at = extended.StartSector + following.StartSector;
        }
    }

    private static string Uuid(uint signature, int number) =>
        signature.ToString("x8", CultureInfo.InvariantCulture) + "-" + number.ToString("x2", CultureInfo.InvariantCulture);

    private static string TypeText(byte type) => "0x" + type.ToString("x", CultureInfo.InvariantCulture);
}
