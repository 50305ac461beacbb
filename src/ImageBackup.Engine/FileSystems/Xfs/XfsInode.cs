using System;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>How a fork holds its content.</summary>
internal enum XfsForkFormat
{
    Device = 0,
    Local = 1,
    Extents = 2,
    Btree = 3,
}

/// <summary>A part of an inode that leads to its content or its extended attributes.</summary>
internal readonly record struct XfsFork(XfsForkFormat Format, ReadOnlyMemory<byte> Bytes, ulong ExtentCount);

/// <summary>An inode as it lies on the volume ("XFS Algorithms &amp; Data Structures", On-disk Inode), high byte first.</summary>
internal sealed class XfsInode
{
    public const ushort RealtimeFlag = 0x1;
    private const ushort Magic = 0x494E; // IN
    private const int CrcOffset = 100;
    private const int LiteralOffset = 100;
    private const int LiteralOffset3 = 176;
    private const ulong BigTimeFlag = 0x8;
    private const ulong LargeCountsFlag = 0x10;

    /// <summary>Big times count from the first second that 32 bits have.</summary>
    private const long BigTimeEpochSeconds = int.MinValue;

    private readonly byte[] _bytes;
    private readonly int _version;

    /// <param name="bytes">A whole inode.</param>
    /// <param name="number">Its number.</param>
    /// <param name="verifiesChecksum">Its checksum is looked at.</param>
    /// <exception cref="FileSystemFormatException">Damaged, or not in use.</exception>
    public XfsInode(byte[] bytes, long number, bool verifiesChecksum)
    {
        _bytes = bytes;
        _version = BigEndian.UInt8(bytes, 4);
        if (BigEndian.UInt16(bytes, 0) != Magic || _version is not (1 or 2 or 3) || Mode == 0)
            throw new FileSystemFormatException($"xfs: the inode {number} is damaged or not in use");
        if (_version == 3 && (BigEndian.UInt64(bytes, 152) != (ulong)number || verifiesChecksum && !XfsChecksum.Matches(bytes, CrcOffset)))
            throw new FileSystemFormatException($"xfs: the inode {number} is damaged: its number or checksum does not match");
        Kind = UnixFileType.OfMode(Mode);
        if (Kind == FileTreeKind.Other)
            throw new FileSystemFormatException($"xfs: the inode {number} has the mode 0x{Mode:x}");
    }

    public FileTreeKind Kind { get; }
    public ushort Mode => BigEndian.UInt16(_bytes, 2);
    public uint UserId => BigEndian.UInt32(_bytes, 8);
    public uint GroupId => BigEndian.UInt32(_bytes, 12);
    public long LinkCount => _version == 1 ? BigEndian.UInt16(_bytes, 6) : BigEndian.UInt32(_bytes, 16);
    public long SizeBytes => BigEndian.Int63(_bytes, 56);
    public long BlockCount => BigEndian.Int63(_bytes, 64);
    public ushort Flags => BigEndian.UInt16(_bytes, 90);
    public FileTreeTime Accessed => Time(32);
    public FileTreeTime Modified => Time(40);
    public FileTreeTime Changed => Time(48);
    public FileTreeTime? Created => _version == 3 ? Time(144) : null;

    /// <summary>The numbers of a device: 14 and 18 bits.</summary>
    public (uint Major, uint Minor) Device
    {
        get
        {
            uint device = BigEndian.UInt32(Data.Bytes.Span, 0);
            return (device >> 18, device & 0x3FFFF);
        }
    }

    public XfsFork Data => Fork(Literal, AttributeOffset, BigEndian.UInt8(_bytes, 5), HasLargeCounts ? BigEndian.UInt64(_bytes, 24) : BigEndian.UInt32(_bytes, 76));

    /// <summary>Null: the inode has no extended attributes.</summary>
    public XfsFork? Attributes => BigEndian.UInt8(_bytes, 82) == 0 ? null
        : Fork(AttributeOffset, _bytes.Length, BigEndian.UInt8(_bytes, 83), HasLargeCounts ? BigEndian.UInt32(_bytes, 76) : BigEndian.UInt16(_bytes, 80));

    private ulong Flags2 => _version == 3 ? BigEndian.UInt64(_bytes, 120) : 0;
    private bool HasLargeCounts => (Flags2 & LargeCountsFlag) != 0;
    private int Literal => _version == 3 ? LiteralOffset3 : LiteralOffset;

    private int AttributeOffset
    {
        get
        {
            int offset = BigEndian.UInt8(_bytes, 82) * 8;
            return offset == 0 ? _bytes.Length : Literal + offset;
        }
    }

    private XfsFork Fork(int start, int end, byte format, ulong extentCount) => start <= end && end <= _bytes.Length && format <= 3
        ? new XfsFork((XfsForkFormat)format, _bytes.AsMemory(start, end - start), extentCount)
        : throw new FileSystemFormatException($"xfs: an inode's fork is damaged (format {format}, bytes {start} to {end})");

    private FileTreeTime Time(int offset)
    {
        if ((Flags2 & BigTimeFlag) != 0)
        {
            ulong nanoseconds = BigEndian.UInt64(_bytes, offset);
            return new FileTreeTime((long)(nanoseconds / 1_000_000_000) + BigTimeEpochSeconds, (int)(nanoseconds % 1_000_000_000));
        }
        return new FileTreeTime((int)BigEndian.UInt32(_bytes, offset), (int)Math.Min(BigEndian.UInt32(_bytes, offset + 4), 999_999_999));
    }
}
