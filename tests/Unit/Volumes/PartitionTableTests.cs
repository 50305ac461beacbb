using System;
using System.Buffers.Binary;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes;

public class PartitionTableTests
{
    private static byte[] Mbr(byte type)
    {
        byte[] disk = new byte[1 << 20];
        BinaryPrimitives.WriteUInt32LittleEndian(disk.AsSpan(440), 0x0BADCAFE);
        disk[446 + 16 + 4] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(disk.AsSpan(446 + 16 + 8), 2048);
        disk[510] = 0x55;
        disk[511] = 0xAA;
        return disk;
    }

    private static byte[] Gpt(int sectorBytes, uint count = 128, uint entryBytes = 128)
    {
        byte[] disk = Mbr(0xEE);
        Span<byte> header = disk.AsSpan(sectorBytes);
        Encoding.ASCII.GetBytes("EFI PART", header);
        BinaryPrimitives.WriteUInt64LittleEndian(header.Slice(72), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(80), count);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(84), entryBytes);
        Span<byte> second = disk.AsSpan((2 * sectorBytes) + (int)Math.Min(entryBytes, 4096));
        new Guid("0fc63daf-8483-4772-8e79-3d69d8477de4").TryWriteBytes(second);
        new Guid("01234567-89ab-cdef-0123-456789abcdef").TryWriteBytes(second.Slice(16));
        BinaryPrimitives.WriteUInt64LittleEndian(second.Slice(32), 40);
        return disk;
    }

    [Fact]
    public void An_mbr_gives_signature_number_and_type() => Assert.Equal(
        [new PartitionEntry(2048 * 512, "0badcafe-02", "0x83")], PartitionTable.Read(new MemoryReader(Mbr(0x83), 512)));

    [Theory]
    [InlineData(512, 128)]
    [InlineData(512, 256)]
    [InlineData(4096, 128)]
    public void A_gpt_gives_its_guids(int sectorBytes, uint entryBytes) => Assert.Equal(
        [new PartitionEntry(40L * sectorBytes, "01234567-89ab-cdef-0123-456789abcdef", "0fc63daf-8483-4772-8e79-3d69d8477de4")],
        PartitionTable.Read(new MemoryReader(Gpt(sectorBytes, 64, entryBytes), sectorBytes)));

    [Theory]
    [InlineData(uint.MaxValue, 128u, 1)]
    [InlineData(128u, uint.MaxValue, 0)]
    [InlineData(128u, 0u, 0)]
    [InlineData(0u, 128u, 0)]
    public void Sizes_that_lie_are_bounded(uint count, uint entryBytes, int found) =>
        Assert.Equal(found, PartitionTable.Read(new MemoryReader(Gpt(512, count, entryBytes), 512)).Count);

    [Fact]
    public void No_table_is_no_partitions()
    {
        Assert.Empty(PartitionTable.Read(new MemoryReader(new byte[1 << 20], 512)));
        Assert.Empty(PartitionTable.Read(new MemoryReader(new byte[100], 512)));
        Assert.Empty(PartitionTable.Read(new MemoryReader(Mbr(0xEE), 512)));
    }

    [Fact]
    public void Any_bytes_are_read_without_an_exception() => Gen.Select(Gen.Int[0, 700], Gen.Byte.Array[0, 64], Gen.Bool).Sample((at, bytes, isGpt) =>
    {
        byte[] disk = isGpt ? Gpt(512) : Mbr(0x83);
        bytes.CopyTo(disk, at);
        foreach (PartitionEntry entry in PartitionTable.Read(new MemoryReader(disk, 512)))
            Assert.True(entry.StartBytes >= 0);
    });
}
