using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.Disks;

/// <summary>Reads the GUID partition tables of a disk: the one at its beginning and the copy at its end.</summary>
/// <remarks>
/// Layout: UEFI specification 5.3. The table counts in logical sectors of the disk it was made for, and an image file does not say
/// which that was: 512 and 4096 bytes are tried besides the reader's own. Headers prove themselves by checksum and by the sector
/// they name as their own.
/// </remarks>
internal static class GuidPartitionTable
{
    private const ulong Signature = 0x5452415020494645; // "EFI PART"
    private const int HeaderBytes = 92;
    private const int HeaderSizeOffset = 12;
    private const int HeaderCrcOffset = 16;
    private const int OwnSectorOffset = 24;
    private const int OtherSectorOffset = 32;
    private const int DiskGuidOffset = 56;
    private const int EntriesSectorOffset = 72;
    private const int EntryCountOffset = 80;
    private const int EntrySizeOffset = 84;
    private const int EntriesCrcOffset = 88;
    private const int EntryUuidOffset = 16;
    private const int EntryFirstOffset = 32;
    private const int EntryLastOffset = 40;
    private const int EntryNameOffset = 56;
    private const int EntryNameBytes = 72;
    private const int LeastEntryBytes = 128;
    private const int MostEntryBytes = 4096;

    /// <summary>The format's minimum is 16 KiB, and partition tools make at most a few times that.</summary>
    private const int MostEntriesBytes = 4 << 20;
    private const int GuidBytes = 16;
    private const int ProtectiveSectorBytes = 512;

    /// <summary>
    /// The table at the beginning, with the copy's header among its marks; and the copy as a table of its own if there is no
    /// other, or it belongs to another disk's table.
    /// </summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static IEnumerable<DiskTable> Read(IBlockReader disk)
    {
        bool isProtected = MasterBootRecord.IsProtective(disk);
        DiskTable? primary = null;
        DiskTable? backup = null;
        foreach (int sectorSizeBytes in SectorSizes(disk))
        {
            long sectorCount = disk.LengthBytes / sectorSizeBytes;
            primary ??= ReadAt(disk, sectorSizeBytes, 1, DiskTableKind.Gpt);
            if (sectorCount > 2)
                backup ??= ReadAt(disk, sectorSizeBytes, sectorCount - 1, DiskTableKind.GptBackup);
        }
        if (primary is null && backup is null)
        {
            if (isProtected)
                yield return Lost(disk);
            yield break;
        }
        var protective = new ByteRange(MasterBootRecord.EntriesOffset, ProtectiveSectorBytes - MasterBootRecord.EntriesOffset);
        bool isOne = primary is not null && backup is not null && primary.DiskId == backup.DiskId;
        if (primary is not null)
        {
            var marks = new List<ByteRange>(primary.Marks);
            if (isProtected)
                marks.Insert(0, protective);
            if (isOne)
                marks.AddRange(backup!.Marks);
            // One whose entries are damaged is completed from its copy, as the kernel and partition tools do.
            bool isCopyBetter = isOne && primary.Partitions.Count == 0 && primary.Faults.Count > 0;
            yield return primary with { Marks = marks, Partitions = isCopyBetter ? backup!.Partitions : primary.Partitions };
        }
        if (backup is not null && !isOne)
            yield return primary is null && isProtected ? backup with { Marks = [protective, .. backup.Marks] } : backup;
    }

    /// <summary>A protective MBR, and neither of the tables that it stands for.</summary>
    private static DiskTable Lost(IBlockReader disk) => new()
    {
        Kind = DiskTableKind.Gpt,
        Marks = [new ByteRange(MasterBootRecord.EntriesOffset, ProtectiveSectorBytes - MasterBootRecord.EntriesOffset)],
        Partitions = [],
        SectorSizeBytes = disk.SectorSizeBytes,
        Faults = ["there is a protective MBR, but neither the table nor its copy can be found"],
    };

    private static IEnumerable<int> SectorSizes(IBlockReader disk)
    {
        yield return disk.SectorSizeBytes;
        if (disk.SectorSizeBytes != 512)
            yield return 512;
        if (disk.SectorSizeBytes != 4096)
            yield return 4096;
    }

    private static DiskTable? ReadAt(IBlockReader disk, int sectorSizeBytes, long sector, DiskTableKind kind)
    {
        byte[] header = new byte[sectorSizeBytes];
        long offsetBytes = sector * sectorSizeBytes;
        if (offsetBytes > disk.LengthBytes - sectorSizeBytes || disk.ReadAt(offsetBytes, header) < sectorSizeBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != Signature)
            return null;
        var table = new DiskTable
        {
            Kind = kind,
            Marks = [new ByteRange(offsetBytes, HeaderBytes)],
            Partitions = [],
            SectorSizeBytes = sectorSizeBytes,
        };
        uint headerBytes = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(HeaderSizeOffset));
        if (headerBytes < HeaderBytes || headerBytes > sectorSizeBytes || !HasRightChecksum(header.AsSpan(0, (int)headerBytes)))
            return table with { Faults = ["the header's checksum does not match"] };
        if (BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(OwnSectorOffset)) != (ulong)sector)
            return table with { Faults = ["the header belongs to another place"] };
        ulong other = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(OtherSectorOffset));
        ulong last = Math.Max(other, (ulong)sector);
        table = table with
        {
            DiskId = ReadGuid(header.AsSpan(DiskGuidOffset)) is var id && id != Guid.Empty ? id.ToString("D") : null,
            DiskEndBytes = last < (ulong)(long.MaxValue / sectorSizeBytes) ? ((long)last + 1) * sectorSizeBytes : null,
        };
        return ReadEntries(disk, table, header);
    }

    private static DiskTable ReadEntries(IBlockReader disk, DiskTable table, byte[] header)
    {
        int sectorSizeBytes = table.SectorSizeBytes;
        ulong firstSector = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(EntriesSectorOffset));
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(EntryCountOffset));
        uint entryBytes = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(EntrySizeOffset));
        ulong sectorCount = (ulong)(disk.LengthBytes / sectorSizeBytes);
        ulong entriesBytes = (ulong)count * entryBytes;
        if (firstSector >= sectorCount || entryBytes is < LeastEntryBytes or > MostEntryBytes || entriesBytes > MostEntriesBytes
            || entriesBytes > (ulong)(disk.LengthBytes - (long)firstSector * sectorSizeBytes))
            return table with { Faults = [$"{count} entries of {entryBytes} bytes from sector {firstSector} on do not fit the disk"] };
        byte[] entries = new byte[(int)entriesBytes];
        if (disk.ReadAt((long)firstSector * sectorSizeBytes, entries) < entries.Length
            || Crc32.Compute(entries) != BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(EntriesCrcOffset)))
            return table with { Faults = ["the checksum of the entries does not match"] };
        var partitions = new List<DiskPartition>();
        var faults = new List<string>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = entries.AsSpan(i * (int)entryBytes, (int)entryBytes);
            Guid type = ReadGuid(entry);
            if (type == Guid.Empty)
                continue;
            ulong first = BinaryPrimitives.ReadUInt64LittleEndian(entry.Slice(EntryFirstOffset));
            ulong last = BinaryPrimitives.ReadUInt64LittleEndian(entry.Slice(EntryLastOffset));
            if (first > last || last >= sectorCount)
            {
                faults.Add($"the partition {i + 1} (sectors {first} to {last}) does not lie on the disk");
                continue;
            }
            partitions.Add(new DiskPartition
            {
                Number = i + 1,
                Extent = new ByteRange((long)first * sectorSizeBytes, (long)(last - first + 1) * sectorSizeBytes),
                Uuid = ReadGuid(entry.Slice(EntryUuidOffset)).ToString("D"),
                Type = type.ToString("D"),
                Name = ReadName(entry.Slice(EntryNameOffset, EntryNameBytes)),
            });
        }
        if (partitions.Overlap() is { } overlap)
            faults.Add(overlap);
        return table with { Partitions = partitions, Faults = faults };
    }

    private static bool HasRightChecksum(ReadOnlySpan<byte> header)
    {
        byte[] copy = header.ToArray();
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(copy.AsSpan(HeaderCrcOffset));
        copy.AsSpan(HeaderCrcOffset, 4).Clear();
        return Crc32.Compute(copy) == checksum;
    }

    /// <summary>An entry's name, UTF-16LE up to the first zero; null: it has none.</summary>
    internal static string? ReadName(ReadOnlySpan<byte> bytes)
    {
        string name = Encoding.Unicode.GetString(bytes.ToArray());
        int end = name.IndexOf('\0');
        name = end < 0 ? name : name.Substring(0, end);
        return name.Length == 0 ? null : name;
    }

    private static Guid ReadGuid(ReadOnlySpan<byte> bytes) => new(bytes.Slice(0, GuidBytes).ToArray());
}
