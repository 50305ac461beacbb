using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>One partition as the disk's own table has it.</summary>
/// <param name="StartBytes">From the beginning of the disk.</param>
/// <param name="Uuid">GPT: the entry's GUID. MBR: disk signature and number, "1234abcd-01". Lower case.</param>
/// <param name="Type">GPT: the type GUID. MBR: "0x83".</param>
internal sealed record PartitionEntry(long StartBytes, string Uuid, string Type)
{
    /// <summary>GPT: the entry's name. Null: none.</summary>
    public string? Label { get; init; }
}

/// <summary>What a disk's own table says.</summary>
/// <param name="IsGpt">A GPT; else an MBR, or nothing.</param>
/// <param name="DiskId">GPT: the disk GUID. MBR with a partition: the signature in eight digits. Lower case; null: none.</param>
/// <param name="Partitions">In the table's order.</param>
internal sealed record DiskTable(bool IsGpt, string? DiskId, IReadOnlyList<PartitionEntry> Partitions)
{
    public static DiskTable None { get; } = new(false, null, []);
}

/// <summary>Reads a GPT or an MBR, for systems where udev did not.</summary>
/// <remarks>
/// Layouts: UEFI specification 5.3 (GPT; the MBR in 5.2). Matched with the kernel's partitions by their start,
/// so a false table does no harm: checksums are not looked at. Logical partitions of an MBR are not read.
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
    private const int GptEntryNameOffset = 56;
    private const int GptEntryNameBytes = 72;
    private const int GptDiskGuidOffset = 56;
    private const int LeastGptEntryBytes = 128;
    private const int MostGptEntryBytes = 4096;
    private const int MostGptEntries = 1024;
    private const int GuidBytes = 16;

    /// <summary>The partitions, in the table's order; none if there is no table or it cannot be made sense of.</summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static IReadOnlyList<PartitionEntry> Read(IBlockReader disk) => ReadDisk(disk).Partitions;

    /// <summary>The table with the disk's own id; <see cref="DiskTable.None"/> as for <see cref="Read"/>.</summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static DiskTable ReadDisk(IBlockReader disk)
    {
        byte[] mbr = new byte[MbrBytes];
        if (disk.ReadAt(0, mbr) < MbrBytes || mbr[MbrBytes - 2] != 0x55 || mbr[MbrBytes - 1] != 0xAA)
            return DiskTable.None;
        for (int i = 0; i < MbrEntryCount; i++)
        {
            if (mbr[MbrEntriesOffset + (i * MbrEntryBytes) + MbrEntryTypeOffset] == ProtectiveType)
                return ReadGpt(disk);
        }
        List<PartitionEntry> partitions = ReadMbr(mbr, disk.SectorSizeBytes);
        uint signature = BinaryPrimitives.ReadUInt32LittleEndian(mbr.AsSpan(MbrSignatureOffset));
        return new DiskTable(false, signature != 0 && IsTable(mbr, partitions, disk.LengthBytes) ? signature.ToString("x8", CultureInfo.InvariantCulture) : null, partitions);
    }

    /// <summary>The boot sector of a FAT or NTFS ends in the same two bytes, and has code in the place of the entries.</summary>
    private static bool IsTable(ReadOnlySpan<byte> mbr, List<PartitionEntry> partitions, long diskBytes)
    {
        for (int i = 0; i < MbrEntryCount; i++)
        {
            if ((mbr[MbrEntriesOffset + (i * MbrEntryBytes)] & 0x7F) != 0)
                return false;
        }
        return partitions.Count > 0 && partitions.TrueForAll(partition => partition.StartBytes > 0 && partition.StartBytes < diskBytes);
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

    private static DiskTable ReadGpt(IBlockReader disk)
    {
        var partitions = new List<PartitionEntry>();
        byte[] header = new byte[GptHeaderBytes];
        int sectorSizeBytes = disk.SectorSizeBytes;
        if (disk.ReadAt(sectorSizeBytes, header) < GptHeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != GptSignature)
            return DiskTable.None;
        Guid diskGuid = ReadGuid(header.AsSpan(GptDiskGuidOffset));
        var table = new DiskTable(true, diskGuid == Guid.Empty ? null : diskGuid.ToString("D"), partitions);
        ulong firstSector = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(GptEntriesSectorOffset));
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(GptEntryCountOffset));
        uint entryBytes = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(GptEntryBytesOffset));
        ulong sectors = (ulong)(disk.LengthBytes / sectorSizeBytes);
        if (firstSector >= sectors || entryBytes is < LeastGptEntryBytes or > MostGptEntryBytes)
            return table;
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
                    ReadGuid(entry.Slice(GptEntryUuidOffset)).ToString("D"), type.ToString("D"))
                { Label = ReadName(entry.Slice(GptEntryNameOffset, GptEntryNameBytes)) });
            }
        }
        return table;
    }

    /// <summary>UTF-16LE up to the first zero; null: empty.</summary>
    internal static string? ReadName(ReadOnlySpan<byte> bytes)
    {
        string name = Encoding.Unicode.GetString(bytes.ToArray());
        int end = name.IndexOf('\0');
        return (end < 0 ? name : name.Substring(0, end)) is { Length: > 0 } text ? text : null;
    }

    private static Guid ReadGuid(ReadOnlySpan<byte> bytes) => new(bytes.Slice(0, GuidBytes).ToArray());
}
