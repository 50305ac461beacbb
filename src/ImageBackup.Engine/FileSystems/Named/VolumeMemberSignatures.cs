using System;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Named;

/// <summary>Parts of something larger: LVM2 physical volumes, Linux RAID members, ZFS members.</summary>
internal static class VolumeMemberSignatures
{
    private const int SectorBytes = 512;
    private const uint RaidMagic = 0xA92B4EFC;
    private const ulong ZfsMagic = 0x00BAB10C;
    private const int ZfsLabelBytes = 256 * 1024;
    private const int ZfsUberblocksOffset = 128 * 1024;

    public static FileSystemDescription? Find(IBlockReader volume) => FindLvm(volume) ?? FindRaid(volume) ?? FindZfs(volume);

    // LVM2: the label is in one of the first four sectors and says where the header with the UUID is.
    private static FileSystemDescription? FindLvm(IBlockReader volume)
    {
        if (volume.TryRead(0, 4 * SectorBytes) is not { } head)
            return null;
        for (int at = 0; at < head.Length; at += SectorBytes)
        {
            ReadOnlySpan<byte> label = head.AsSpan(at, SectorBytes);
            if (!label.StartsWith("LABELONE"u8) || !label.Slice(24).StartsWith("LVM2 001"u8))
                continue;
            uint header = LittleEndian.UInt32(label, 20);
            string? uuid = null;
            if (header <= SectorBytes - 40)
            {
                string text = Encoding.ASCII.GetString(label.Slice((int)header, 32).ToArray());
                uuid = $"{text.Substring(0, 6)}-{text.Substring(6, 4)}-{text.Substring(10, 4)}-{text.Substring(14, 4)}-{text.Substring(18, 4)}-{text.Substring(22, 4)}-{text.Substring(26, 6)}";
            }
            return new FileSystemDescription { Type = "LVM2_member", Uuid = uuid, Version = "LVM2 001" };
        }
        return null;
    }

    // Linux md(4): version 1.1 at the start, 1.2 at 4 KiB, 1.0 at least 8 KiB and 0.90 at least 64 KiB before the end.
    private static FileSystemDescription? FindRaid(IBlockReader volume)
    {
        long sectorCount = volume.LengthBytes / SectorBytes;
        return FindRaid1(volume, 0, "1.1")
            ?? FindRaid1(volume, 4096, "1.2")
            ?? FindRaid1(volume, ((sectorCount - 16) & ~7L) * SectorBytes, "1.0")
            ?? FindRaid0(volume, ((volume.LengthBytes & ~0xFFFFL) - 0x10000));
    }

    private static FileSystemDescription? FindRaid1(IBlockReader volume, long offset, string version)
    {
        if (volume.TryRead(offset, 256) is not { } bytes || LittleEndian.UInt32(bytes, 0) != RaidMagic || LittleEndian.UInt32(bytes, 4) != 1
            || LittleEndian.UInt64(bytes, 144) != (ulong)offset / SectorBytes)
            return null;
        return new FileSystemDescription
        {
            Type = "linux_raid_member",
            Label = VolumeStructures.Utf8Label(bytes.AsSpan(32, 32)),
            Uuid = VolumeStructures.Uuid(bytes.AsSpan(16, 16)),
            Version = version,
        };
    }

    private static FileSystemDescription? FindRaid0(IBlockReader volume, long offset)
    {
        if (volume.TryRead(offset, 64) is not { } bytes)
            return null;
        bool isBigEndian = BigEndian.UInt32(bytes, 0) == RaidMagic;
        if (!isBigEndian && LittleEndian.UInt32(bytes, 0) != RaidMagic)
            return null;
        uint major = isBigEndian ? BigEndian.UInt32(bytes, 4) : LittleEndian.UInt32(bytes, 4);
        uint minor = isBigEndian ? BigEndian.UInt32(bytes, 8) : LittleEndian.UInt32(bytes, 8);
        return major != 0
            ? null
            : new FileSystemDescription { Type = "linux_raid_member", Version = $"0.{minor.ToString(CultureInfo.InvariantCulture)}.0" };
    }

    // ZFS: each label ends with 128 KiB of uberblocks; one in each of the first two labels' rings is enough.
    private static FileSystemDescription? FindZfs(IBlockReader volume)
    {
        for (int label = 0; label < 2; label++)
        {
            if (volume.TryRead((long)label * ZfsLabelBytes + ZfsUberblocksOffset, ZfsLabelBytes - ZfsUberblocksOffset) is not { } ring)
                return null;
            for (int at = 0; at < ring.Length; at += 1024)
            {
                if (LittleEndian.UInt64(ring, at) == ZfsMagic || BigEndian.UInt64(ring, at) == ZfsMagic)
                    return new FileSystemDescription { Type = "zfs_member" };
            }
        }
        return null;
    }
}
