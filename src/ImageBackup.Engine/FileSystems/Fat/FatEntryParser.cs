using System;
using System.Text;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>One file or directory as its directory tells of it.</summary>
internal readonly record struct FatEntry(string Name, long PositionBytes, byte Attributes, uint FirstCluster, uint SizeBytes)
{
    public const byte DirectoryAttribute = 0x10;

    public bool IsDirectory => (Attributes & DirectoryAttribute) != 0;
    public int CreatedDate { get; init; }
    public int CreatedTime { get; init; }
    public int CreatedTenMilliseconds { get; init; }
    public int AccessedDate { get; init; }
    public int ModifiedDate { get; init; }
    public int ModifiedTime { get; init; }
}

/// <summary>
/// Puts the 32-byte entries of one directory together: a long name comes in entries before its short one, last part first. Parts that do
/// not belong to the short name that follows are passed over, as drivers do.
/// </summary>
internal sealed class FatEntryParser(bool isFat32)
{
    public const int EntryBytes = 32;
    private const byte LongNameAttributes = 0x0F;
    private const byte AttributeMask = 0x3F;
    private const byte LabelAttribute = 0x08;
    private const byte Deleted = 0xE5;
    private const int UnitsPerPart = 13;
    private const int MaxPartCount = 20;
    private const byte LowerBaseFlag = 0x08;
    private const byte LowerExtensionFlag = 0x10;

    private readonly byte[] _long = new byte[MaxPartCount * UnitsPerPart * 2];
    private int _partCount;
    private int _nextPart;
    private byte _checksum;

    /// <summary>The mark after the last entry was met.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>Takes the next 32 bytes; null: they do not end an entry that is to be shown.</summary>
    /// <param name="bytes">The entry.</param>
    /// <param name="positionBytes">Where it lies on the volume.</param>
    public FatEntry? Take(ReadOnlySpan<byte> bytes, long positionBytes)
    {
        byte attributes = bytes[11];
        if (bytes[0] == 0)
        {
            IsAtEnd = true;
            return null;
        }
        if (bytes[0] == Deleted)
        {
            _partCount = 0;
            return null;
        }
        if ((attributes & AttributeMask) == LongNameAttributes)
        {
            TakePart(bytes);
            return null;
        }
        string? longName = _partCount > 0 && _nextPart == 0 && _checksum == Checksum(bytes) ? LongName() : null;
        _partCount = 0;
        if ((attributes & LabelAttribute) != 0)
            return null;
        string shortName = ShortName(bytes);
        if (shortName is "." or "..")
            return null;
        return new FatEntry(
            longName ?? shortName, positionBytes, attributes,
            LittleEndian.UInt16(bytes, 26) | (isFat32 ? (uint)LittleEndian.UInt16(bytes, 20) << 16 : 0), LittleEndian.UInt32(bytes, 28))
        {
            CreatedTenMilliseconds = bytes[13],
            CreatedTime = LittleEndian.UInt16(bytes, 14),
            CreatedDate = LittleEndian.UInt16(bytes, 16),
            AccessedDate = LittleEndian.UInt16(bytes, 18),
            ModifiedTime = LittleEndian.UInt16(bytes, 22),
            ModifiedDate = LittleEndian.UInt16(bytes, 24),
        };
    }

    private void TakePart(ReadOnlySpan<byte> bytes)
    {
        int number = bytes[0] & 0x3F;
        if ((bytes[0] & 0x40) != 0)
        {
            _partCount = number is > 0 and <= MaxPartCount ? number : 0;
            _nextPart = _partCount;
            _checksum = bytes[13];
        }
        if (_partCount == 0 || number != _nextPart || bytes[13] != _checksum)
        {
            _partCount = 0;
            return;
        }
        _nextPart--;
        Span<byte> part = _long.AsSpan(_nextPart * UnitsPerPart * 2, UnitsPerPart * 2);
        bytes.Slice(1, 10).CopyTo(part);
        bytes.Slice(14, 12).CopyTo(part.Slice(10));
        bytes.Slice(28, 4).CopyTo(part.Slice(22));
    }

    // It ends with a NUL unless it fills its parts.
    private string? LongName()
    {
        int length = 0;
        while (length < _partCount * UnitsPerPart && (_long[2 * length] | _long[2 * length + 1]) != 0)
            length++;
        return length == 0 ? null : Encoding.Unicode.GetString(_long, 0, length * 2);
    }

    private static string ShortName(ReadOnlySpan<byte> entry)
    {
        Span<byte> name = stackalloc byte[11];
        entry.Slice(0, 11).CopyTo(name);
        if (name[0] == 0x05)
            name[0] = 0xE5;
        string extension = CodePage437.Decode(name.Slice(8), (entry[12] & LowerExtensionFlag) != 0);
        string text = CodePage437.Decode(name.Slice(0, 8), (entry[12] & LowerBaseFlag) != 0);
        return extension.Length == 0 ? text : text + "." + extension;
    }

    private static byte Checksum(ReadOnlySpan<byte> entry)
    {
        int sum = 0;
        for (int i = 0; i < 11; i++)
            sum = (byte)((sum << 7 | sum >> 1) + entry[i]);
        return (byte)sum;
    }
}
