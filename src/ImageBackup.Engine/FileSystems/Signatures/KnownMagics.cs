using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>Formats of which no more is known here than the bytes at a fixed place. Magics of two bytes need further proof.</summary>
/// <remarks>Facts from each format's own headers in the Linux kernel, and from what blkid and wipefs call them.</remarks>
internal static class KnownMagics
{
    private sealed record Magic(string Type, SignatureRole Role, long OffsetBytes, byte[] Bytes, Func<IBlockReader, bool>? Proof = null);

    private static readonly Magic[] s_magics =
    [
        Text("LVM1_member", SignatureRole.Member, 0, "HM\x01\0"),
        Text("LVM1_member", SignatureRole.Member, 0, "HM\x02\0"),
        Text("stratis", SignatureRole.Member, 512 + 4, "!Stra0tis\x86\xFF\x02^\x41rh"),
        Text("stratis", SignatureRole.Member, 4096 + 512 + 4, "!Stra0tis\x86\xFF\x02^\x41rh"),
        Text("DM_snapshot_cow", SignatureRole.Member, 0, "SnAp"),
        Text("DM_verity_hash", SignatureRole.Member, 0, "verity\0\0"),
        Text("DM_integrity", SignatureRole.Member, 0, "integrt\0"),
        Text("vdo", SignatureRole.Member, 0, "dmvdo001"),
        Text("oracleasm", SignatureRole.Member, 32, "ORCLDISK"),
        Bytes("VMFS_volume_member", SignatureRole.Member, 1 << 20, 0x0D, 0xD0, 0x01, 0xC0),
        Text("isw_raid_member", SignatureRole.Member, -1024, "Intel Raid ISM Cfg Sig. "),
        Bytes("ddf_raid_member", SignatureRole.Member, -512, 0xDE, 0x11, 0xDE, 0x11),
        Text("nvidia_raid_member", SignatureRole.Member, -1024, "NVIDIA"),
        Bytes("VMFS", SignatureRole.FileSystem, 2 << 20, 0x5E, 0xF1, 0xAB, 0x2F),
        Text("apfs", SignatureRole.FileSystem, 32, "NXSB"),
        Text("hfsplus", SignatureRole.FileSystem, 1024, "H+\0\x04"),
        Text("hfsplus", SignatureRole.FileSystem, 1024, "HX\0\x05"),
        Text("hfs", SignatureRole.FileSystem, 1024, "BD", IsHfs),
        Bytes("nilfs2", SignatureRole.FileSystem, 1024 + 6, [0x34, 0x34], IsNilfs),
        Bytes("erofs", SignatureRole.FileSystem, 1024, 0xE2, 0xE1, 0xF5, 0xE0),
        Bytes("cramfs", SignatureRole.FileSystem, 0, 0x45, 0x3D, 0xCD, 0x28),
        Text("romfs", SignatureRole.FileSystem, 0, "-rom1fs-"),
        Text("befs", SignatureRole.FileSystem, 32, "1SFB"),
        Text("befs", SignatureRole.FileSystem, 512 + 32, "1SFB"),
        Bytes("bfs", SignatureRole.FileSystem, 0, 0xCE, 0xFA, 0xAD, 0x1B),
        Bytes("gfs2", SignatureRole.FileSystem, 64 << 10, 0x01, 0x16, 0x19, 0x70),
        Text("ocfs2", SignatureRole.FileSystem, 1024, "OCFSV2"),
        Text("ocfs2", SignatureRole.FileSystem, 2048, "OCFSV2"),
        Text("ocfs2", SignatureRole.FileSystem, 4096, "OCFSV2"),
        Text("ocfs2", SignatureRole.FileSystem, 8192, "OCFSV2"),
        Bytes("hpfs", SignatureRole.FileSystem, 8192, 0x49, 0xE8, 0x95, 0xF9),
        Text("zonefs", SignatureRole.FileSystem, 0, "SFOZ"),
        Bytes("ubifs", SignatureRole.FileSystem, 0, 0x31, 0x18, 0x10, 0x06),
        Text("ubi", SignatureRole.Member, 0, "UBI#"),
        Bytes("vxfs", SignatureRole.FileSystem, 1024, 0xF5, 0xFC, 0x01, 0xA5),
        .. Ufs(8 << 10), .. Ufs(64 << 10), .. Ufs(256 << 10),
        Bytes("minix", SignatureRole.FileSystem, 1024 + 16, [0x7F, 0x13], IsMinix),
        Bytes("minix", SignatureRole.FileSystem, 1024 + 16, [0x8F, 0x13], IsMinix),
        Bytes("minix", SignatureRole.FileSystem, 1024 + 16, [0x68, 0x24], IsMinix),
        Bytes("minix", SignatureRole.FileSystem, 1024 + 16, [0x78, 0x24], IsMinix),
        Bytes("minix", SignatureRole.FileSystem, 1024 + 24, [0x5A, 0x4D], IsMinix3),
        Text("mac", SignatureRole.PartitionTable, 512, "PM\0\0"),
        Bytes("bsd", SignatureRole.PartitionTable, 512, 0x57, 0x45, 0x56, 0x82),
        Bytes("sun", SignatureRole.PartitionTable, 508, [0xDA, 0xBE], IsSun),
        Bytes("sgi", SignatureRole.PartitionTable, 0, 0x0B, 0xE5, 0xA9, 0x41),
        Text("amiga", SignatureRole.PartitionTable, 0, "RDSK"),
    ];

    public static IEnumerable<(SignatureRole Role, FileSystemDescription Description)> Find(IBlockReader volume)
    {
        var marks = new List<(Magic Magic, ByteRange Mark)>();
        foreach (Magic magic in s_magics)
        {
            long offset = magic.OffsetBytes < 0 ? volume.LengthBytes / 512 * 512 + magic.OffsetBytes : magic.OffsetBytes;
            if (volume.TryRead(offset, magic.Bytes.Length) is { } bytes && bytes.AsSpan().SequenceEqual(magic.Bytes) && magic.Proof?.Invoke(volume) != false)
                marks.Add((magic, new ByteRange(offset, magic.Bytes.Length)));
        }
        if (FindDrbd(volume) is { } drbd)
            yield return (SignatureRole.Member, drbd);
        foreach (IGrouping<string, (Magic Magic, ByteRange Mark)> kind in marks.GroupBy(static found => found.Magic.Type))
        {
            List<ByteRange> places = [.. kind.Select(static found => found.Mark).OrderBy(static mark => mark.OffsetBytes)];
            yield return (kind.First().Magic.Role, Describe(volume, kind.Key, places));
        }
    }

    private static FileSystemDescription Describe(IBlockReader volume, string type, List<ByteRange> marks)
    {
        var description = new FileSystemDescription { Type = type, Marks = marks };
        if (type == "apfs" && volume.TryRead(0, 96) is { } apfs)
        {
            uint blockBytes = LittleEndian.UInt32(apfs, 36);
            ulong blockCount = LittleEndian.UInt64(apfs, 40);
            bool isSane = blockBytes is >= 4096 and <= 65536 && blockCount <= (ulong)(long.MaxValue / blockBytes);
            return description with { Uuid = VolumeStructures.Uuid(apfs.AsSpan(72, 16)), SizeBytes = isSane ? (long)blockCount * blockBytes : null };
        }
        if (type == "erofs" && volume.TryRead(1024, 96) is { } erofs)
            return description with { Uuid = VolumeStructures.Uuid(erofs.AsSpan(48, 16)), Label = VolumeStructures.Utf8Label(erofs.AsSpan(64, 16)) };
        if (type == "nilfs2" && volume.TryRead(1024, 256) is { } nilfs)
            return description with { Uuid = VolumeStructures.Uuid(nilfs.AsSpan(152, 16)), Label = VolumeStructures.Utf8Label(nilfs.AsSpan(168, 80)) };
        return description;
    }

    // DRBD with its metadata inside: the last 4 KiB block of the device holds them.
    private static FileSystemDescription? FindDrbd(IBlockReader volume)
    {
        const int blockBytes = 4096;
        const int magicOffset = 60;
        long offset = (volume.LengthBytes & ~(blockBytes - 1L)) - blockBytes;
        return volume.TryRead(offset, 64) is { } bytes && BigEndian.UInt32(bytes, magicOffset) is 0x8374026B or 0x8374026C or 0x8374026D
            ? new FileSystemDescription { Type = "drbd", Marks = [new ByteRange(offset + magicOffset, 4)] }
            : null;
    }

    private static IEnumerable<Magic> Ufs(long offsetBytes)
    {
        const int magicOffset = 1372;
        yield return Bytes("ufs", SignatureRole.FileSystem, offsetBytes + magicOffset, 0x54, 0x19, 0x01, 0x00);
        yield return Bytes("ufs", SignatureRole.FileSystem, offsetBytes + magicOffset, 0x00, 0x01, 0x19, 0x54);
        yield return Bytes("ufs", SignatureRole.FileSystem, offsetBytes + magicOffset, 0x19, 0x01, 0x54, 0x19);
        yield return Bytes("ufs", SignatureRole.FileSystem, offsetBytes + magicOffset, 0x19, 0x54, 0x01, 0x19);
    }

    // Apple: the allocation block is a multiple of a sector, and there is one.
    private static bool IsHfs(IBlockReader volume) =>
        volume.TryRead(1024, 64) is { } bytes && BigEndian.UInt32(bytes, 20) is > 0 and <= 1 << 26 && (BigEndian.UInt32(bytes, 20) & 511) == 0
        && BigEndian.UInt16(bytes, 18) != 0;

    private static bool IsNilfs(IBlockReader volume)
    {
        const int checksumOffset = 16;
        if (volume.TryRead(1024, 1024) is not { } bytes)
            return false;
        int length = LittleEndian.UInt16(bytes, 8);
        if (length is < 64 or > 1024)
            return false;
        uint checksum = LittleEndian.UInt32(bytes, checksumOffset);
        bytes.AsSpan(checksumOffset, 4).Clear();
        return Crc32.Update(LittleEndian.UInt32(bytes, 12), bytes.AsSpan(0, length)) == checksum;
    }

    // The bitmaps must be large enough for what they map, and the data begin behind them.
    private static bool IsMinix(IBlockReader volume)
    {
        if (volume.TryRead(1024, 32) is not { } bytes)
            return false;
        uint zones = LittleEndian.UInt16(bytes, 16) is 0x2468 or 0x2478 ? LittleEndian.UInt32(bytes, 20) : LittleEndian.UInt16(bytes, 2);
        var layout = new MinixLayout(LittleEndian.UInt16(bytes, 0), zones, LittleEndian.UInt16(bytes, 4), LittleEndian.UInt16(bytes, 6), LittleEndian.UInt16(bytes, 8));
        return LittleEndian.UInt16(bytes, 10) <= MaxMinixZoneShift && layout.Fits(volume, 1024);
    }

    private static bool IsMinix3(IBlockReader volume)
    {
        if (volume.TryRead(1024, 32) is not { } bytes)
            return false;
        int blockBytes = LittleEndian.UInt16(bytes, 28);
        var layout = new MinixLayout(LittleEndian.UInt32(bytes, 0), LittleEndian.UInt32(bytes, 20), LittleEndian.UInt16(bytes, 6), LittleEndian.UInt16(bytes, 8), LittleEndian.UInt16(bytes, 10));
        return blockBytes >= 1024 && LittleEndian.UInt16(bytes, 12) <= MaxMinixZoneShift && layout.Fits(volume, blockBytes);
    }

    private const int MaxMinixZoneShift = 8;

    /// <summary>What a Minix superblock says of the volume.</summary>
    private readonly record struct MinixLayout(uint Inodes, uint Zones, int InodeMapBlocks, int ZoneMapBlocks, int FirstZone)
    {
        public bool Fits(IBlockReader volume, int blockBytes) =>
            Inodes > 0 && Zones > 0 && InodeMapBlocks > 0 && ZoneMapBlocks > 0
            && (long)InodeMapBlocks * blockBytes * 8 >= Inodes && (long)ZoneMapBlocks * blockBytes * 8 >= (long)Zones - FirstZone
            && FirstZone >= 2 + InodeMapBlocks + ZoneMapBlocks && FirstZone < Zones && (long)Zones * blockBytes <= volume.LengthBytes;
    }

    // All 16-bit words of the label add up to nothing by exclusive or.
    private static bool IsSun(IBlockReader volume)
    {
        if (volume.TryRead(0, 512) is not { } bytes)
            return false;
        int sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
            sum ^= BigEndian.UInt16(bytes, i);
        return sum == 0;
    }

    private static Magic Text(string type, SignatureRole role, long offsetBytes, string text, Func<IBlockReader, bool>? proof = null) =>
        new(type, role, offsetBytes, Encoding.GetEncoding("iso-8859-1").GetBytes(text), proof);

    private static Magic Bytes(string type, SignatureRole role, long offsetBytes, params byte[] bytes) => new(type, role, offsetBytes, bytes);

    private static Magic Bytes(string type, SignatureRole role, long offsetBytes, byte[] bytes, Func<IBlockReader, bool> proof) =>
        new(type, role, offsetBytes, bytes, proof);
}
