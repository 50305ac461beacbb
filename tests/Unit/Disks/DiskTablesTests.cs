using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Disks;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Disks;

/// <summary>Partition tables, right ones and hostile ones.</summary>
public sealed class DiskTablesTests
{
    private const int MiB = 1 << 20;

    private static IReadOnlyList<DiskTable> Find(byte[] disk)
    {
        using var volume = new PatchedVolume(disk);
        return DiskTables.Find(volume);
    }

    private static DiskTable? InForce(byte[] disk)
    {
        using var volume = new PatchedVolume(disk);
        return DiskTables.InForce(volume);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_gpt_and_its_copy_are_one_table(int sectorBytes)
    {
        byte[] disk = new byte[2 * MiB];
        DiskImage.WriteGpt(disk, sectorBytes, (40, 49), (60, 60));
        DiskTable table = Assert.Single(Find(disk));
        Assert.Equal((DiskTableKind.Gpt, DiskImage.DiskGuid, sectorBytes, (long?)disk.Length), (table.Kind, table.DiskId, table.SectorSizeBytes, table.DiskEndBytes));
        Assert.Empty(table.Faults);
        Assert.Equal([new ByteRange(446, 66), new ByteRange(sectorBytes, 92), new ByteRange(disk.Length - sectorBytes, 92)], table.Marks);
        Assert.Equal([new ByteRange(40L * sectorBytes, 10L * sectorBytes), new ByteRange(60L * sectorBytes, sectorBytes)], table.Partitions.Select(p => p.Extent));
        Assert.Equal(("00000000-0000-0000-0000-000000000002", DiskImage.LinuxType, "part 2", 2),
            (table.Partitions[1].Uuid, table.Partitions[1].Type, table.Partitions[1].Name, table.Partitions[1].Number));
    }

    [Fact]
    public void The_table_in_force_is_the_kernels_choice()
    {
        // A GPT left over from an earlier use, without a protective MBR, is not believed; the MBR written over it is.
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 49));
        DiskImage.WriteMbr(disk, 0xBADCAFE, (0x83, 100, 10));
        DiskTable mbr = InForce(disk)!;
        Assert.Equal((DiskTableKind.Mbr, "0badcafe", "0badcafe-01"), (mbr.Kind, mbr.DiskId, mbr.PartitionAt(100 * 512)?.Uuid));
        Assert.Null(mbr.PartitionAt(40 * 512));

        DiskImage.WriteMbr(disk, 0xBADCAFE, (0x83, 100, 10), (0xEE, 1, 99));
        DiskTable gpt = InForce(disk)!;
        Assert.Equal((DiskTableKind.Gpt, DiskImage.DiskGuid), (gpt.Kind, gpt.DiskId));
        Assert.Equal(("00000000-0000-0000-0000-000000000001", "part 1"), (gpt.PartitionAt(40 * 512)?.Uuid, gpt.PartitionAt(40 * 512)?.Name));

        DiskImage.WriteMbr(disk, 0xBADCAFE);
        Assert.Null(InForce(disk));
        Assert.Null(InForce(new byte[100]));
        Assert.Null(InForce(new byte[MiB]));
    }

    [Theory]
    [InlineData(512)] // The header.
    [InlineData(1024)] // The entries.
    public void A_damaged_table_is_replaced_by_its_copy(int damagedAt)
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 49), (60, 60));
        disk[damagedAt + 60] ^= 1;
        DiskTable table = InForce(disk)!;
        Assert.Equal(DiskImage.DiskGuid, table.DiskId);
        Assert.Equal(["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"], table.Partitions.Select(p => p.Uuid));
    }

    [Fact]
    public void A_gpt_without_a_guid_has_no_id()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 49));
        disk.AsSpan(512 + 56, 16).Clear();
        DiskImage.Seal(disk.AsSpan(512, 512));
        Assert.Null(InForce(disk)!.DiskId);
    }

    [Fact]
    public void A_table_without_an_entry_is_not_in_use()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512);
        Assert.False(Assert.Single(Find(disk)).IsInUse);
        disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 0x1234);
        Assert.False(Assert.Single(Find(disk)).IsInUse);
    }

    [Fact]
    public void The_copy_alone_is_a_table()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 49));
        disk.AsSpan(0, 1024).Clear();
        DiskTable table = Assert.Single(Find(disk));
        Assert.Equal((DiskTableKind.GptBackup, true, disk.Length - 512L), (table.Kind, table.IsInUse, table.Marks[0].OffsetBytes));
    }

    [Fact]
    public void A_protective_mbr_without_its_table_is_in_use()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 0, (0xEE, 1, uint.MaxValue));
        Assert.True(Assert.Single(Find(disk)).IsInUse);
    }

    [Fact]
    public void A_sector_that_names_itself_is_not_a_partition()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 0x1234, (0x0C, 0, 2048));
        Assert.False(Assert.Single(Find(disk)).IsInUse);
    }

    [Fact]
    public void Code_where_entries_would_be_is_not_a_table()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 0x1234, (0x83, 8, 16));
        disk[446 + 48] = (byte)'m';
        Assert.Empty(Find(disk));
    }

    [Fact]
    public void Logical_partitions_are_found_through_their_chain()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 0xBADCAFE, (0x83, 8, 16), (0x0F, 100, 1000));
        DiskImage.WriteMbr(disk.AsSpan(100 * 512), 0, (0x83, 10, 20), (0x05, 200, 100));
        DiskImage.WriteMbr(disk.AsSpan(300 * 512), 0, (0x82, 10, 30));
        DiskTable table = Assert.Single(Find(disk));
        Assert.Empty(table.Faults);
        Assert.Equal([1, 2, 5, 6], table.Partitions.Select(p => p.Number));
        Assert.Equal([false, true, false, false], table.Partitions.Select(p => p.IsExtended));
        Assert.Equal(new ByteRange(310 * 512, 30 * 512), table.Partitions[3].Extent);
        Assert.Equal(("0badcafe-06", "0x82", true), (table.Partitions[3].Uuid, table.Partitions[3].Type, table.Partitions[3].IsLogical));
    }

    [Theory]
    [InlineData(0u)] // Back to the first record.
    [InlineData(200u)] // Itself.
    [InlineData(2000u)] // Behind the extended partition.
    [InlineData(uint.MaxValue)]
    public void A_chain_that_does_not_end_well_ends(uint next)
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteMbr(disk, 1, (0x05, 100, 1000));
        DiskImage.WriteMbr(disk.AsSpan(100 * 512), 0, (0x83, 10, 20), (0x05, 200, 100));
        DiskImage.WriteMbr(disk.AsSpan(300 * 512), 0, (0x83, 10, 20), (0x05, next, 100));
        DiskTable table = Assert.Single(Find(disk));
        Assert.Equal([1, 5, 6], table.Partitions.Select(p => p.Number));
        Assert.Equal(next == 0 ? 0 : 1, table.Faults.Count);
    }

    [Fact]
    public void A_chain_of_thousands_is_cut()
    {
        byte[] disk = new byte[4 * MiB];
        DiskImage.WriteMbr(disk, 1, (0x05, 1, 8000));
        for (uint i = 0; i < 8000; i++)
            DiskImage.WriteMbr(disk.AsSpan((int)(1 + i) * 512), 0, (0x05, i + 1, 1));
        Assert.Contains("circle", Assert.Single(Assert.Single(Find(disk)).Faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(80, uint.MaxValue)] // The number of entries.
    [InlineData(84, uint.MaxValue)] // The size of an entry.
    [InlineData(84, 1u)]
    [InlineData(72, uint.MaxValue)] // Where they begin.
    [InlineData(12, uint.MaxValue)] // The header's size.
    [InlineData(12, 4u)]
    [InlineData(24, 77u)] // Its own place.
    public void A_header_that_lies_is_a_damaged_table_and_no_partitions(int offset, uint value)
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 49));
        disk.AsSpan(disk.Length - 512).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(disk.AsSpan(512 + offset), value);
        DiskImage.Seal(disk.AsSpan(512, 512));
        DiskTable table = Assert.Single(Find(disk));
        Assert.Empty(table.Partitions);
        Assert.Single(table.Faults);
        Assert.True(table.IsInUse);
    }

    [Theory]
    [InlineData(40, 4096)] // Ends behind the disk.
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    [InlineData(0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF)]
    [InlineData(50, 40)]
    public void An_entry_that_is_not_on_the_disk_is_named_and_left_out(ulong first, ulong last)
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (first, last), (100, 109));
        DiskTable table = Assert.Single(Find(disk));
        Assert.Equal([2], table.Partitions.Select(p => p.Number));
        Assert.Contains("partition 1", Assert.Single(table.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Partitions_that_overlap_are_said_to()
    {
        byte[] disk = new byte[MiB];
        DiskImage.WriteGpt(disk, 512, (40, 1000), (50, 60), (70, 80));
        Assert.Contains("overlap", Assert.Single(Assert.Single(Find(disk)).Faults), StringComparison.Ordinal);
        DiskImage.WriteMbr(disk, 1, (0x83, 8, 100), (0x83, 50, 100));
        disk.AsSpan(512, 512).Clear();
        Assert.Contains(Find(disk), table => table.Kind == DiskTableKind.Mbr && table.Faults.Count == 1);
    }

    [Fact]
    public void Any_bytes_are_read_without_an_exception() =>
        Gen.Select(Gen.Int[0, 700], Gen.Byte.Array[0, 64], Gen.Int[0, 2], Gen.Int[0, 600]).Sample((at, bytes, kind, length) =>
        {
            byte[] disk = new byte[MiB / 4];
            if (kind == 0)
                DiskImage.WriteGpt(disk, 512, (40, 49), (60, 70));
            else
                DiskImage.WriteMbr(disk, 1, (0x05, 1, 300), (0x83, 301, 5));
            DiskImage.WriteMbr(disk.AsSpan(512 * kind), 0, (0x83, 1, 1), (0x05, 2, 1));
            bytes.CopyTo(disk, at);
            if (kind == 0)
                DiskImage.Seal(disk.AsSpan(512, 512));
            Array.Resize(ref disk, kind == 2 ? length : disk.Length);
            foreach (DiskTable table in Find(disk).Append(InForce(disk)).OfType<DiskTable>())
            {
                Assert.All(table.Partitions, p => Assert.True(p.Extent.OffsetBytes >= 0 && p.Extent.LengthBytes > 0 && p.Extent.EndBytes <= disk.Length));
                Assert.All(table.Marks, mark => Assert.True(mark.EndBytes <= disk.Length));
            }
        });
}
