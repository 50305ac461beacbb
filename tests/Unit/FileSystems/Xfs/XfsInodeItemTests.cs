using System;
using System.Buffers.Binary;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Xfs;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Xfs;

/// <summary>Inodes of version 4's log, which no kernel here writes any more: the fields by their places in the two forms.</summary>
public sealed class XfsInodeItemTests
{
    private const int InodeBytes = 256, CoreBytes = 96, LiteralOffset = 100;
    private const ushort Magic = 0x494E;
    private const uint CoreField = 0x1, LocalField = 0x2, RootField = 0x8, DeviceField = 0x10;

    [Theory]
    [InlineData(7, 8, true)]
    [InlineData(7, 7, true)]
    [InlineData(7, 6, false)]
    [InlineData(0xFFFF, 3, true)]
    [InlineData(0xFFFF, 0x9000, false)]
    public void What_was_written_later_than_the_log_stays(int written, int logged, bool isApplied)
    {
        byte[] inode = new byte[InodeBytes];
        BinaryPrimitives.WriteUInt16BigEndian(inode, Magic);
        inode[4] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(inode.AsSpan(30), (ushort)written);
        byte[] core = Core(format: 1);
        BinaryPrimitives.WriteUInt16LittleEndian(core.AsSpan(30), (ushort)logged);
        byte[] content = [1, 2, 3, 4];
        Assert.Equal(isApplied, XfsInodeItem.Apply(inode, Item(CoreField | LocalField, core, content), lsn: 0, hasChecksums: false));
        Assert.Equal(isApplied ? 0x0102030405060708UL : 0, BigEndian.UInt64(inode, 56));
        Assert.Equal(isApplied ? 0x11223344U : 0, BigEndian.UInt32(inode, 8));
        Assert.Equal(isApplied ? (ushort)0x81A4 : (ushort)0, BigEndian.UInt16(inode, 2));
        Assert.Equal(isApplied ? content : new byte[4], inode.AsSpan(LiteralOffset, 4).ToArray());
    }

    [Fact]
    public void The_root_of_an_extent_tree_moves_its_pointers_to_where_the_inode_has_them()
    {
        // In memory: a header of 24 bytes, room for three keys and three pointers, one of each in use.
        byte[] region = new byte[24 + 3 * 16];
        BinaryPrimitives.WriteUInt16BigEndian(region.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16BigEndian(region.AsSpan(6), 1);
        BinaryPrimitives.WriteUInt64BigEndian(region.AsSpan(24), 5);
        BinaryPrimitives.WriteUInt64BigEndian(region.AsSpan(24 + 3 * 8), 77);
        byte[] inode = new byte[InodeBytes];
        Assert.True(XfsInodeItem.Apply(inode, Item(CoreField | RootField, Core(format: 3), region), lsn: 0, hasChecksums: false));
        ReadOnlySpan<byte> fork = inode.AsSpan(LiteralOffset);
        int capacity = (InodeBytes - LiteralOffset - 4) / 16;
        Assert.Equal(1, BigEndian.UInt16(fork, 0));
        Assert.Equal(1, BigEndian.UInt16(fork, 2));
        Assert.Equal(5UL, BigEndian.UInt64(fork, 4));
        Assert.Equal(77UL, BigEndian.UInt64(fork, 4 + capacity * 8));

        BinaryPrimitives.WriteUInt16BigEndian(region.AsSpan(6), 4);
        Assert.Throws<FileSystemFormatException>(() => XfsInodeItem.Apply(inode, Item(CoreField | RootField, Core(format: 3), region), lsn: 0, hasChecksums: false));
    }

    /// <summary>Machines of 32 bits do not align the fields of 64 bits.</summary>
    [Theory]
    [InlineData(56, 0)]
    [InlineData(52, -4)]
    public void Both_forms_of_the_items_head_are_read(int lengthBytes, int shift)
    {
        byte[] format = new byte[lengthBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(4), CoreField | DeviceField);
        BinaryPrimitives.WriteUInt64LittleEndian(format.AsSpan(16 + shift), 131);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(24 + shift), 0x00200001);
        BinaryPrimitives.WriteUInt64LittleEndian(format.AsSpan(40 + shift), 64);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(52 + shift), 768);
        byte[][] regions = [format, Core(format: 0)];
        var item = new XfsLogItem(0x123B, regions, 0, regions.Length);
        Assert.Equal((131, 64, 768), XfsInodeItem.Place(item));
        byte[] inode = new byte[InodeBytes];
        Assert.True(XfsInodeItem.Apply(inode, item, lsn: 0, hasChecksums: false));
        Assert.Equal(0x00200001U, BigEndian.UInt32(inode, LiteralOffset));
        Assert.Throws<FileSystemFormatException>(() => XfsInodeItem.Place(new XfsLogItem(0x123B, [new byte[40]], 0, 1)));
    }

    private static XfsLogItem Item(uint fields, byte[] core, byte[] fork)
    {
        byte[] format = new byte[56];
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(4), fields);
        byte[][] regions = [format, core, fork];
        return new XfsLogItem(0x123B, regions, 0, regions.Length);
    }

    private static byte[] Core(byte format)
    {
        byte[] core = new byte[CoreBytes];
        BinaryPrimitives.WriteUInt16LittleEndian(core, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(core.AsSpan(2), 0x81A4);
        core[4] = 2;
        core[5] = format;
        BinaryPrimitives.WriteUInt32LittleEndian(core.AsSpan(8), 0x11223344);
        BinaryPrimitives.WriteUInt64LittleEndian(core.AsSpan(56), 0x0102030405060708);
        return core;
    }
}
