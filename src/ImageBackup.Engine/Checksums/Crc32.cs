using System;

namespace ImageBackup.Engine.Checksums;

/// <summary>CRC-32 (polynomial 0xEDB88320, reflected), ISO 3309: the checksum of GPT and, begun otherwise, of F2FS.</summary>
internal static class Crc32
{
    private static readonly uint[] s_table = BuildTable();

    /// <summary>The usual CRC: initial value and result inverted. "123456789" gives 0xCBF43926.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Update(uint.MaxValue, bytes);

    /// <summary>The raw register: neither the initial value nor the result is inverted, so that calls can be chained.</summary>
    public static uint Update(uint register, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
            register = s_table[(register ^ value) & 0xFF] ^ (register >> 8);
        return register;
    }

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint register = i;
            for (int bit = 0; bit < 8; bit++)
                register = (register & 1) != 0 ? (register >> 1) ^ 0xEDB88320 : register >> 1;
            table[i] = register;
        }
        return table;
    }
}
