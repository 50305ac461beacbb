using System;
using System.Text;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>A file or directory: its entry set (sections 7.4, 7.6 and 7.7).</summary>
internal sealed record ExFatFile
{
    public const int EntryBytes = 32;
    public const byte FileEntry = 0x85;

    /// <summary>The file's entry, its stream's, and 17 of its name.</summary>
    public const int MaxSetBytes = 19 * EntryBytes;

    private const byte StreamEntry = 0xC0;
    private const byte NameEntry = 0xC1;
    private const int UnitsPerName = 15;
    private const int DirectoryAttribute = 0x10;
    private const byte NoFatChainFlag = 2;
    private const int OffsetUnitSeconds = 15 * 60;

    public required string Name { get; init; }

    /// <summary>Where its first entry lies on the volume; 0: the root.</summary>
    public required long PositionBytes { get; init; }
    public required int Attributes { get; init; }
    public required uint FirstCluster { get; init; }
    public required long LengthBytes { get; init; }

    /// <summary>What was ever written of it.</summary>
    public required long ValidBytes { get; init; }
    public required bool IsContiguous { get; init; }
    public FileTreeTime? Created { get; init; }
    public FileTreeTime? Modified { get; init; }
    public FileTreeTime? Accessed { get; init; }

    public bool IsDirectory => (Attributes & DirectoryAttribute) != 0;

    /// <summary>The length of the set that begins here, by its own word.</summary>
    public static int SetBytes(ReadOnlySpan<byte> first) => (first[1] + 1) * EntryBytes;

    /// <summary>Null if the set is damaged.</summary>
    public static ExFatFile? TryRead(ReadOnlySpan<byte> set, long positionBytes, bool verifiesChecksum)
    {
        if (set.Length < 3 * EntryBytes || verifiesChecksum && Checksum(set) != LittleEndian.UInt16(set, 2))
            return null;
        ReadOnlySpan<byte> stream = set.Slice(EntryBytes, EntryBytes);
        int nameLength = stream[3];
        ulong length = LittleEndian.UInt64(stream, 24);
        if (stream[0] != StreamEntry || nameLength == 0 || length > long.MaxValue)
            return null;
        var name = new byte[nameLength * 2];
        int written = 0;
        for (int at = 2 * EntryBytes; written < name.Length; at += EntryBytes)
        {
            if (at >= set.Length || set[at] != NameEntry)
                return null;
            int count = Math.Min(UnitsPerName * 2, name.Length - written);
            set.Slice(at + 2, count).CopyTo(name.AsSpan(written));
            written += count;
        }
        return new ExFatFile
        {
            Name = Encoding.Unicode.GetString(name),
            PositionBytes = positionBytes,
            Attributes = LittleEndian.UInt16(set, 4),
            FirstCluster = LittleEndian.UInt32(stream, 20),
            LengthBytes = (long)length,
            ValidBytes = (long)Math.Min(length, LittleEndian.UInt64(stream, 8)),
            IsContiguous = (stream[1] & NoFatChainFlag) != 0,
            Created = Time(LittleEndian.UInt32(set, 8), set[20], set[22]),
            Modified = Time(LittleEndian.UInt32(set, 12), set[21], set[23]),
            Accessed = Time(LittleEndian.UInt32(set, 16), 0, set[24]),
        };
    }

    // Section 7.4.10: the offset from UTC in quarters of an hour, if its highest bit says that it is one.
    private static FileTreeTime? Time(uint stamp, int tenMilliseconds, byte offset)
    {
        if (DosTime.Read((int)(stamp >> 16), (int)(stamp & 0xFFFF), tenMilliseconds) is not { } local)
            return null;
        int quarters = (offset & 0x80) == 0 ? 0 : (sbyte)(offset << 1) >> 1;
        return local with { Seconds = local.Seconds - quarters * OffsetUnitSeconds };
    }

    // Section 6.3.3: of all bytes but its own two.
    private static ushort Checksum(ReadOnlySpan<byte> set)
    {
        int sum = 0;
        for (int i = 0; i < set.Length; i++)
        {
            if (i is not (2 or 3))
                sum = (ushort)((sum << 15 | sum >> 1) + set[i]);
        }
        return (ushort)sum;
    }
}
