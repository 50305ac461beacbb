using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>One partition as the disk's own table has it.</summary>
/// <param name="StartBytes">From the beginning of the disk.</param>
/// <param name="Uuid">GPT: the entry's GUID. MBR: disk signature and number, "1234abcd-01". Lower case.</param>
/// <param name="Type">GPT: the type GUID. MBR: "0x83".</param>
internal sealed record PartitionEntry(long StartBytes, string Uuid, string Type);

/// <summary>Reads a GPT or an MBR, for systems where nobody (udev) did.</summary>
/// <remarks>
/// Layouts: UEFI specification 5.3 (GPT; the MBR in 5.2). Matched with the kernel's partitions by their start,
/// so a table that lies harms nobody: checksums are not looked at. Logical partitions of an MBR are not read.
/// </remarks>
internal static class PartitionTable
{
    private const int MbrBytes = 512;
    private const int MbrSignatureOffset = 440;
    private const int MbrEntriesOffset = 446;
    private const int MbrEntryBytes = 16;
    private const int MbrEntryCount = 4;
    private const int MbrEntryTypeOffset = 4;
    private const int MbrEntryStartOffset = 8;
    private const byte ProtectiveType = 0xEE;

    private const ulong GptSignature = 0x5452415020494645; // "EFI PART"
    private const int GptHeaderBytes = 92;
    private const int GptEntriesSectorOffset = 72;
    private const int GptEntryCountOffset = 80;
    private const int GptEntryBytesOffset = 84;
    private const int GptEntryUuidOffset = 16;
    private const int GptEntryStartOffset = 32;
    private const int LeastGptEntryBytes = 128;
    private const int MostGptEntryBytes = 4096;
    private const int MostGptEntries = 1024;
    private const int GuidBytes = 16;

    /// <summary>The partitions, in the table's order; none where there is no table or it cannot be made sense of.</summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static IReadOnlyList<PartitionEntry> Read(IBlockReader disk)
    {
        byte[] mbr = new byte[MbrBytes];
        if (disk.ReadAt(0, mbr) < MbrBytes || mbr[MbrBytes - 2] != 0x55 || mbr[MbrBytes - 1] != 0xAA)
            return [];
        for (int i = 0; i < MbrEntryCount; i++)
        {
            if (mbr[MbrEntriesOffset + (i * MbrEntryBytes) + MbrEntryTypeOffset] == ProtectiveType)
                return ReadGpt(disk);
        }
        return ReadMbr(mbr, disk.SectorSizeBytes);
    }

    private static List<PartitionEntry> ReadMbr(ReadOnlySpan<byte> mbr, int sectorSizeBytes)
    {
        uint signature = BinaryPrimitives.ReadUInt32LittleEndian(mbr.Slice(MbrSignatureOffset));
        var partitions = new List<PartitionEntry>();
        for (int i = 0; i < MbrEntryCount; i++)
        {
            ReadOnlySpan<byte> entry = mbr.Slice(MbrEntriesOffset + (i * MbrEntryBytes), MbrEntryBytes);
            byte type = entry[MbrEntryTypeOffset];
            if (type == 0)
                continue;
            long start = BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(MbrEntryStartOffset));
            partitions.Add(new PartitionEntry(start * sectorSizeBytes, MbrUuid(signature, i + 1),
                "0x" + type.ToString("x", CultureInfo.InvariantCulture)));
        }
        return partitions;
    }

    private static string MbrUuid(uint signature, int number) =>
        signature.ToString("x8", CultureInfo.InvariantCulture) + "-" + number.ToString("x2", CultureInfo.InvariantCulture);

    private static List<PartitionEntry> ReadGpt(IBlockReader disk)
    {
        var partitions = new List<PartitionEntry>();
        byte[] header = new byte[GptHeaderBytes];
        int sectorSizeBytes = disk.SectorSizeBytes;
        if (disk.ReadAt(sectorSizeBytes, header) < GptHeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != GptSignature)
            return partitions;
        ulong firstSector = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(GptEntriesSectorOffset));
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(GptEntryCountOffset));
        uint entryBytes = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(GptEntryBytesOffset));
        ulong sectors = (ulong)(disk.LengthBytes / sectorSizeBytes);
        if (firstSector >= sectors || entryBytes is < LeastGptEntryBytes or > MostGptEntryBytes)
            return partitions;
        byte[] entries = new byte[Math.Min(count, MostGptEntries) * entryBytes];
        int read = disk.ReadAt((long)firstSector * sectorSizeBytes, entries);
        for (int offset = 0; offset + entryBytes <= read; offset += (int)entryBytes)
        {
            ReadOnlySpan<byte> entry = entries.AsSpan(offset, (int)entryBytes);
            Guid type = ReadGuid(entry);
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(entry.Slice(GptEntryStartOffset));
            if (type != Guid.Empty && start < sectors)
            {
                partitions.Add(new PartitionEntry((long)start * sectorSizeBytes,
                    ReadGuid(entry.Slice(GptEntryUuidOffset)).ToString("D"), type.ToString("D")));
            }
        }
        return partitions;
    }

    private static Guid ReadGuid(ReadOnlySpan<byte> bytes) => new(bytes.Slice(0, GuidBytes).ToArray());
}
