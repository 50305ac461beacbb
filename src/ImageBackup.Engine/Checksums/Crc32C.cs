using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.Checksums;

/// <summary>
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), RFC 3720 appendix B.4: the checksum of ext4, XFS v5,
/// btrfs and jbd2.
/// </summary>
internal static class Crc32C
{
    /// <summary>The usual CRC: initial value and result inverted. "123456789" gives 0xE3069283.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Update(uint.MaxValue, bytes);

    /// <summary>
    /// The raw register: neither the initial value nor the result is inverted, so that calls can be chained.
    /// </summary>
    public static uint Update(uint register, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            register = Step(register, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes.Slice(8);
        }
        foreach (byte value in bytes)
            register = Step(register, value);
        return register;
    }

#if NET
    private static uint Step(uint register, ulong value) => System.Numerics.BitOperations.Crc32C(register, value);

    private static uint Step(uint register, byte value) => System.Numerics.BitOperations.Crc32C(register, value);
#else
    private const uint ReflectedPolynomial = 0x82F63B78;

    private static readonly uint[] s_tables = BuildTables();

    private static uint Step(uint register, byte value) => s_tables[(register ^ value) & 0xFF] ^ (register >> 8);

    private static uint Step(uint register, ulong value)
    {
        value ^= register;
        uint[] tables = s_tables;
        uint result = 0;
        for (int i = 0; i < 8; i++)
            result ^= tables[((7 - i) << 8) + (int)((value >> (8 * i)) & 0xFF)];
        return result;
    }

    // Table k holds the effect of a byte that is followed by k zero bytes (slicing by eight).
    private static uint[] BuildTables()
    {
        var tables = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint register = i;
            for (int bit = 0; bit < 8; bit++)
                register = (register & 1) != 0 ? (register >> 1) ^ ReflectedPolynomial : register >> 1;
            tables[i] = register;
        }
        for (int i = 256; i < tables.Length; i++)
            tables[i] = tables[tables[i - 256] & 0xFF] ^ (tables[i - 256] >> 8);
        return tables;
    }
#endif
}
