using System;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>An inode's fields (kernel documentation, ext4 "Index Nodes"). Nothing in them is proven but that they are there.</summary>
internal sealed class ExtInode
{
    public const int MapLengthBytes = 60;
    private const int OldLengthBytes = 128;
    private const uint FlagEncrypted = 0x800;
    private const uint FlagHugeFile = 0x40000;
    private const uint FlagExtents = 0x80000;
    private const uint FlagInlineData = 0x10000000;

    private readonly ReadOnlyMemory<byte> _memory;
    private readonly int _extraEnd;

    /// <param name="number">Its number, from 1 up.</param>
    /// <param name="bytes">The whole inode, at least 128 bytes, which stay as they are.</param>
    /// <param name="hasLargeDirectories">The feature by which a directory's size has 64 bits.</param>
    public ExtInode(uint number, ReadOnlyMemory<byte> bytes, bool hasLargeDirectories)
    {
        Number = number;
        _memory = bytes;
        ReadOnlySpan<byte> fields = bytes.Span;
        int extra = fields.Length >= OldLengthBytes + 4 ? LittleEndian.UInt16(fields, 0x80) : 0;
        _extraEnd = extra <= fields.Length - OldLengthBytes ? OldLengthBytes + extra : OldLengthBytes;
        Mode = LittleEndian.UInt16(fields, 0);
        Flags = LittleEndian.UInt32(fields, 0x20);
        bool isWide = hasLargeDirectories || Kind == FileTreeKind.File;
        ulong size = LittleEndian.UInt32(fields, 0x4) | (isWide ? (ulong)LittleEndian.UInt32(fields, 0x6C) << 32 : 0);
        // A size beyond 63 bits is refused when the content is asked for.
        SizeBytes = size > long.MaxValue ? long.MaxValue : (long)size;
    }

    private ReadOnlySpan<byte> Bytes => _memory.Span;

    public uint Number { get; }
    public int Mode { get; }
    public uint Flags { get; }
    public long SizeBytes { get; }

    public FileTreeKind Kind => UnixFileType.OfMode((uint)Mode);

    public uint UserId => LittleEndian.UInt16(Bytes, 0x2) | (uint)LittleEndian.UInt16(Bytes, 0x78) << 16;
    public uint GroupId => LittleEndian.UInt16(Bytes, 0x18) | (uint)LittleEndian.UInt16(Bytes, 0x7A) << 16;
    public int LinkCount => LittleEndian.UInt16(Bytes, 0x1A);
    public bool IsEncrypted => (Flags & FlagEncrypted) != 0;
    public bool HasExtents => (Flags & FlagExtents) != 0;
    public bool HasInlineData => (Flags & FlagInlineData) != 0;

    public FileTreeTime Accessed => Time(0x8, 0x8C);
    public FileTreeTime Changed => Time(0xC, 0x84);
    public FileTreeTime Modified => Time(0x10, 0x88);
    public FileTreeTime? Created => _extraEnd >= 0x94 ? Time(0x90, 0x94) : null;

    /// <summary>The 60 bytes of the block map, the extent tree's root, a short link's target or inline data.</summary>
    public ReadOnlySpan<byte> Map => Bytes.Slice(0x28, MapLengthBytes);

    /// <summary>The block of its extended attributes; 0 if it has none.</summary>
    public long AttributeBlock => LittleEndian.UInt32(Bytes, 0x68) | (long)LittleEndian.UInt16(Bytes, 0x76) << 32;

    /// <summary>What lies behind the fields: extended attributes, if they begin with their magic.</summary>
    public ReadOnlySpan<byte> Tail => Bytes.Slice(_extraEnd);

    /// <summary>Bytes that are allocated, by the inode's own count.</summary>
    public long AllocatedBytes(int blockSizeBytes)
    {
        long count = LittleEndian.UInt32(Bytes, 0x1C) | (long)LittleEndian.UInt16(Bytes, 0x74) << 32;
        return count * ((Flags & FlagHugeFile) != 0 ? blockSizeBytes : 512);
    }

    /// <summary>Major and minor number of a device, in the old encoding (16 bits) or the new one.</summary>
    public (uint Major, uint Minor) Device
    {
        get
        {
            uint old = LittleEndian.UInt32(Map, 0), device = LittleEndian.UInt32(Map, 4);
            return old != 0 ? (old >> 8 & 0xFF, old & 0xFF) : ((device & 0xFFF00) >> 8, device & 0xFF | device >> 12 & 0xFFF00);
        }
    }

    // 32 bits with a sign, and, in larger inodes, two bits more and nanoseconds ("Inode Timestamps").
    private FileTreeTime Time(int offset, int extraOffset)
    {
        long seconds = unchecked((int)LittleEndian.UInt32(Bytes, offset));
        if (_extraEnd < extraOffset + 4)
            return new FileTreeTime(seconds, 0);
        uint extra = LittleEndian.UInt32(Bytes, extraOffset);
        uint nanoseconds = extra >> 2;
        return new FileTreeTime(seconds + ((long)(extra & 3) << 32), nanoseconds < 1_000_000_000 ? (int)nanoseconds : 0);
    }
}
