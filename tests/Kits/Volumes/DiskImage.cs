using System;
using System.Buffers.Binary;
using System.Text;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Tests.Kits.Volumes;

/// <summary>Writes partition tables over bytes in memory, right ones unless a test says otherwise.</summary>
internal static class DiskImage
{
    public const string LinuxType = "0fc63daf-8483-4772-8e79-3d69d8477de4";
    public const string DiskGuid = "11111111-2222-3333-4444-555555555555";

    /// <summary>Entries of an MBR: type, first sector, number of sectors; and 55 AA. What lies before the entries stays.</summary>
    public static void WriteMbr(Span<byte> sector, uint signature, params (byte Type, uint Start, uint Count)[] entries)
    {
        sector.Slice(446, 64).Clear();
        if (signature != 0)
            BinaryPrimitives.WriteUInt32LittleEndian(sector.Slice(440), signature);
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = sector.Slice(446 + (i * 16), 16);
            entry[4] = entries[i].Type;
            BinaryPrimitives.WriteUInt32LittleEndian(entry.Slice(8), entries[i].Start);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.Slice(12), entries[i].Count);
        }
        sector[510] = 0x55;
        sector[511] = 0xAA;
    }

    /// <summary>A protective MBR, a GPT and its copy at the end.</summary>
    /// <param name="partitions">First and last sector.</param>
    public static void WriteGpt(Span<byte> disk, int sectorBytes, params (ulong First, ulong Last)[] partitions)
    {
        WriteMbr(disk, 0, (0xEE, 1, uint.MaxValue));
        long last = disk.Length / sectorBytes - 1;
        int entriesSectors = 128 * 128 / sectorBytes;
        WriteHeader(disk, sectorBytes, own: 1, other: last, entriesSector: 2, partitions);
        WriteHeader(disk, sectorBytes, own: last, other: 1, entriesSector: last - entriesSectors, partitions);
    }

    /// <summary>One header and its entries, with right checksums.</summary>
    public static void WriteHeader(Span<byte> disk, int sectorBytes, long own, long other, long entriesSector, params (ulong First, ulong Last)[] partitions)
    {
        Span<byte> entries = disk.Slice((int)(entriesSector * sectorBytes), 128 * 128);
        entries.Clear();
        for (int i = 0; i < partitions.Length; i++)
        {
            Span<byte> entry = entries.Slice(i * 128, 128);
            new Guid(LinuxType).TryWriteBytes(entry);
            new Guid($"00000000-0000-0000-0000-{i + 1:x12}").TryWriteBytes(entry.Slice(16));
            BinaryPrimitives.WriteUInt64LittleEndian(entry.Slice(32), partitions[i].First);
            BinaryPrimitives.WriteUInt64LittleEndian(entry.Slice(40), partitions[i].Last);
            Encoding.Unicode.GetBytes($"part {i + 1}").CopyTo(entry.Slice(56));
        }
        Span<byte> header = disk.Slice((int)(own * sectorBytes), sectorBytes);
        header.Clear();
        Encoding.ASCII.GetBytes("EFI PART").CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(8), 0x10000);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(12), 92);
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(24), own);
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(32), other);
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(40), 34);
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(48), disk.Length / sectorBytes - 34);
        new Guid(DiskGuid).TryWriteBytes(header.Slice(56));
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(72), entriesSector);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(80), 128);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(84), 128);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(88), Crc32.Compute(entries));
        Seal(header);
    }

    /// <summary>Makes a GPT header's own checksum right again.</summary>
    public static void Seal(Span<byte> header)
    {
        header.Slice(16, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(16), Crc32.Compute(header.Slice(0, 92)));
    }
}
