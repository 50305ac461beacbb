using System;

namespace ImageBackup.Engine.Checksums;

internal static partial class Crc32C
{
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
}
