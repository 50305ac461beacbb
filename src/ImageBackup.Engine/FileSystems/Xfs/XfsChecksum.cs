using System;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>CRC-32C of a structure that holds it itself (counted as zero), stored low byte first.</summary>
internal static class XfsChecksum
{
    public static bool Matches(ReadOnlySpan<byte> bytes, int crcOffset) => Compute(bytes, crcOffset) == LittleEndian.UInt32(bytes, crcOffset);

    public static uint Compute(ReadOnlySpan<byte> bytes, int crcOffset)
    {
        Span<byte> zero = stackalloc byte[4];
        zero.Clear();
        uint crc = Crc32C.Update(uint.MaxValue, bytes.Slice(0, crcOffset));
        crc = Crc32C.Update(crc, zero);
        return ~Crc32C.Update(crc, bytes.Slice(crcOffset + 4));
    }
}
