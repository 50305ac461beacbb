using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The bytes of <c>used.ranges</c> (src/FORMAT.md): the magic, the unit in bytes, the volume's length and the count, all
/// little-endian; then for each range the unused and the used run's length in units, as LEB128 numbers.
/// </summary>
internal static class UsedRangesFile
{
    private const int HeaderBytes = 8 + 4 + 8 + 8;
    private static ReadOnlySpan<byte> Magic => "IBRANGE1"u8;

    public static byte[] Write(UsedRanges used)
    {
        if (used is null)
            throw new ArgumentNullException(nameof(used));
        uint unit = 512;
        foreach (ByteRange range in used.Ranges)
        {
            if (((range.OffsetBytes | range.LengthBytes) & (unit - 1)) != 0)
            {
                unit = 1;
                break;
            }
        }
        using var stream = new MemoryStream(HeaderBytes + used.Count * 6);
        byte[] header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), unit);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), used.VolumeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), used.Count);
        stream.Write(header, 0, header.Length);
        long end = 0;
        foreach (ByteRange range in used.Ranges)
        {
            WriteNumber(stream, (ulong)((range.OffsetBytes - end) / unit));
            WriteNumber(stream, (ulong)(range.LengthBytes / unit));
            end = range.EndBytes;
        }
        return stream.ToArray();
    }

    /// <exception cref="FormatException">Not such a file, or ranges outside the volume.</exception>
    public static UsedRanges Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || !bytes.Slice(0, 8).SequenceEqual(Magic))
            throw new FormatException("The list of used ranges has no header.");
        long unit = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(8));
        long volumeBytes = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(12));
        long count = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(20));
        bytes = bytes.Slice(HeaderBytes);
        // A range takes two bytes at least.
        if (unit is not (1 or 512) || volumeBytes <= 0 || count < 0 || count > bytes.Length / 2)
            throw new FormatException("The list of used ranges has an impossible header.");
        var ranges = new List<ByteRange>((int)count);
        long end = 0;
        for (long i = 0; i < count; i++)
        {
            long gap = ReadNumber(ref bytes, (volumeBytes - end) / unit) * unit;
            long length = ReadNumber(ref bytes, (volumeBytes - end - gap) / unit) * unit;
            if (length == 0)
                throw new FormatException("The list of used ranges has an empty range.");
            ranges.Add(new ByteRange(end + gap, length));
            end += gap + length;
        }
        if (!bytes.IsEmpty)
            throw new FormatException("The list of used ranges goes on after its last range.");
        return new UsedRanges(ranges, volumeBytes);
    }

    private static void WriteNumber(Stream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }

    private static long ReadNumber(ref ReadOnlySpan<byte> bytes, long limit)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            if (bytes.IsEmpty || shift > 56)
                throw new FormatException("The list of used ranges ends inside a number.");
            byte b = bytes[0];
            bytes = bytes.Slice(1);
            value |= (ulong)(b & 0x7f) << shift;
            if ((b & 0x80) == 0)
                break;
        }
        if (value > (ulong)limit)
            throw new FormatException("The list of used ranges has a range outside the volume.");
        return (long)value;
    }
}
