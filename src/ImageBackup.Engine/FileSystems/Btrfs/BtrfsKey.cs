using System;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>What every item is sorted by: object, type, offset (17 bytes).</summary>
internal readonly record struct BtrfsKey(ulong ObjectId, byte Type, ulong Offset) : IComparable<BtrfsKey>
{
    public const int LengthBytes = 17;
    public const byte InodeItem = 1;
    public const byte ExtendedAttributeItem = 24;
    public const byte DirectoryItem = 84;
    public const byte DirectoryIndex = 96;
    public const byte ExtentData = 108;
    public const byte ExtentChecksum = 128;
    public const byte RootItem = 132;
    public const byte RootReference = 156;
    public const byte ExtentItem = 168;
    public const byte MetadataItem = 169;
    public const byte BlockGroupItem = 192;
    public const byte ChunkItem = 228;

    public static BtrfsKey Read(ReadOnlySpan<byte> bytes, int at) =>
        new(LittleEndian.UInt64(bytes, at), LittleEndian.UInt8(bytes, at + 8), LittleEndian.UInt64(bytes, at + 9));

    public int CompareTo(BtrfsKey other)
    {
        int order = ObjectId.CompareTo(other.ObjectId);
        if (order == 0)
            order = Type.CompareTo(other.Type);
        return order != 0 ? order : Offset.CompareTo(other.Offset);
    }
}
