using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// Multi-sector protection: the last two bytes of every 512-byte stride hold a sequence number, and what belongs
/// there lies in the update sequence array. A stride whose number differs was torn.
/// </summary>
internal static class NtfsMultiSector
{
    /// <summary>The stride is 512 bytes whatever the sector size.</summary>
    private const int StrideBytes = 512;

    /// <summary>Puts the protected bytes back in place.</summary>
    /// <exception cref="FileSystemFormatException">The signature is another one, or a stride was torn.</exception>
    public static void Restore(Span<byte> block, ReadOnlySpan<byte> signature, string what)
    {
        if (!block.StartsWith(signature))
            throw new FileSystemFormatException($"NTFS: {what} has no signature");
        int arrayOffset = LittleEndian.UInt16(block, 4);
        int entryCount = LittleEndian.UInt16(block, 6);
        int strideCount = block.Length / StrideBytes;
        if (entryCount != strideCount + 1 || (arrayOffset & 1) != 0 || arrayOffset < 8
            || arrayOffset + entryCount * 2 > StrideBytes - 2)
        {
            throw new FileSystemFormatException($"NTFS: {what} has a bad update sequence");
        }
        ushort expected = LittleEndian.UInt16(block, arrayOffset);
        for (int i = 0; i < strideCount; i++)
        {
            Span<byte> tail = block.Slice((i + 1) * StrideBytes - 2, 2);
            if (BinaryPrimitives.ReadUInt16LittleEndian(tail) != expected)
                throw new FileSystemFormatException($"NTFS: {what} was written in part only");
            block.Slice(arrayOffset + 2 + i * 2, 2).CopyTo(tail);
        }
    }
}
