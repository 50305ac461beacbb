using System;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// Linux md, superblock version 1: the array's name begins with the computer that it was made for ("homehost:name"), as mdadm writes it.
/// Layout: md(4), kernel, include/uapi/linux/raid/md_p.h, struct mdp_superblock_1.
/// </summary>
internal static class RaidUsage
{
    private const int SectorBytes = 512;
    private const uint Magic = 0xA92B4EFC;
    private const int NameBytes = 32;

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        foreach (long offset in new[] { 0, 4096, (volume.LengthBytes / SectorBytes - 16 & ~7L) * SectorBytes })
        {
            if (volume.TryRead(offset, 256) is not { } bytes || LittleEndian.UInt32(bytes, 0) != Magic || LittleEndian.UInt32(bytes, 4) != 1
                || LittleEndian.UInt64(bytes, 144) != (ulong)offset / SectorBytes)
                continue;
            string? name = UsageSigns.Name(bytes.AsSpan(32, NameBytes));
            string? home = name?.Split(':') is [{ Length: > 0 } host, _, ..] ? host : null;
            // The upper 24 bits are microseconds.
            long updated = (long)(LittleEndian.UInt64(bytes, 192) & 0xFF_FFFF_FFFF);
            DateTimeOffset? time = UsageSigns.UnixTime(updated);
            return new UsageSign
            {
                Type = "linux_raid_member",
                Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1}", VolumeStructures.Uuid(bytes.AsSpan(16, 16)), LittleEndian.UInt64(bytes, 200)),
                Elsewhere = home is not null && !home.Equals("any", StringComparison.OrdinalIgnoreCase) && !context.IsThisComputer(home)
                    ? $"it is a member of the array '{name}' of the computer '{home}'{(time is { } last ? $", written at {UsageSigns.Text(last)}" : "")}"
                    : null,
            };
        }
        return null;
    }
}
