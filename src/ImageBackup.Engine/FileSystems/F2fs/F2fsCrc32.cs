using System;

namespace ImageBackup.Engine.FileSystems.F2fs;

/// <summary>The checksum of F2FS: CRC-32 (polynomial 0xEDB88320, reflected) that starts with the magic and is not inverted at the end.</summary>
internal static class F2fsCrc32
{
    private static readonly uint[] s_table = BuildTable();

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
