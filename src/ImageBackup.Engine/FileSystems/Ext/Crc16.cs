using System;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>CRC-16 (polynomial 0x8005, reflected), raw register: ext4's uninit_bg checksum of group descriptors.</summary>
internal static class Crc16
{
    private static readonly ushort[] s_table = BuildTable();

    public static ushort Update(ushort register, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
            register = (ushort)(s_table[(register ^ value) & 0xFF] ^ (register >> 8));
        return register;
    }

    private static ushort[] BuildTable()
    {
        var table = new ushort[256];
        for (int i = 0; i < table.Length; i++)
        {
            int register = i;
            for (int bit = 0; bit < 8; bit++)
                register = (register & 1) != 0 ? (register >> 1) ^ 0xA001 : register >> 1;
            table[i] = (ushort)register;
        }
        return table;
    }
}
