using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Fields of on-disk structures, low byte first. An offset outside the bytes is a
/// <see cref="FileSystemFormatException"/>: the structure was promised longer than it is.
/// </summary>
internal static class LittleEndian
{
    public static byte UInt8(ReadOnlySpan<byte> bytes, int offset) => StructureBounds.Field(bytes, offset, 1)[0];

    public static ushort UInt16(ReadOnlySpan<byte> bytes, int offset) =>
        BinaryPrimitives.ReadUInt16LittleEndian(StructureBounds.Field(bytes, offset, 2));

    public static uint UInt32(ReadOnlySpan<byte> bytes, int offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(StructureBounds.Field(bytes, offset, 4));

    public static ulong UInt64(ReadOnlySpan<byte> bytes, int offset) =>
        BinaryPrimitives.ReadUInt64LittleEndian(StructureBounds.Field(bytes, offset, 8));

    /// <summary>A 64-bit count or address that must fit a signed long.</summary>
    public static long Int63(ReadOnlySpan<byte> bytes, int offset) => StructureBounds.Signed(UInt64(bytes, offset), offset);
}
