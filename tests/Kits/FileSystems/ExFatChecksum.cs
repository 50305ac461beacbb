using System;
using System.Buffers.Binary;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>The checksum sector of exFAT's boot regions, for fuzzing what lies behind it.</summary>
internal static class ExFatChecksum
{
    /// <summary>Makes the main boot region of a volume with 512-byte sectors valid again.</summary>
    public static void Repair(PatchedVolume volume, Random random)
    {
        byte[] region = volume.Read(0, 11 * 512);
        uint sum = 0;
        for (int i = 0; i < region.Length; i++)
        {
            if (i is not (106 or 107 or 112))
                sum = ((sum & 1) << 31) + (sum >> 1) + region[i];
        }
        var sector = new byte[512];
        for (int i = 0; i < sector.Length; i += 4)
            BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(i), sum);
        volume.Patch(11 * 512, sector);
    }
}
