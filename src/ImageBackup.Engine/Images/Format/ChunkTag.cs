using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Images.Format;

/// <summary>What <see cref="Gmac"/> makes of a chunk's content: 16 bytes, no allocation. All zeros: none was made.</summary>
internal readonly record struct ChunkTag(ulong Low, ulong High)
{
    public const int SizeBytes = Gmac.TagSizeBytes;

    public ChunkTag(ReadOnlySpan<byte> bytes)
        : this(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(8)))
    {
    }

    public bool IsNone => (Low | High) == 0;

    public static ChunkTag Of(Gmac gmac, ReadOnlySpan<byte> content)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        gmac.Compute(content, bytes);
        return new ChunkTag(bytes);
    }

    public void CopyTo(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, Low);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(8), High);
    }
}
