using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>Parts of something larger: LVM2 physical volumes, Linux RAID members, ZFS members, bcache and bcachefs devices.</summary>
internal static class VolumeMembers
{
    private const int SectorBytes = 512;
    private const uint RaidMagic = 0xA92B4EFC;
    private const ulong ZfsMagic = 0x00BAB10C;
    private const int ZfsLabelBytes = 256 * 1024;
    private const int ZfsUberblocksOffset = 128 * 1024;
    private const int ZfsUberblockBytes = 1024;
    private const int CacheOffset = 4096;
    private const int CacheMagicOffset = 24;
    private const int CacheLayoutOffset = 7 * SectorBytes;
    private const int MostCacheCopies = 61;

    private static readonly byte[] s_bcacheMagic =
        [0xC6, 0x85, 0x73, 0xF6, 0x4E, 0x1A, 0x45, 0xCA, 0x82, 0x65, 0xF5, 0x7F, 0x48, 0xBA, 0x6D, 0x81];

    private static readonly byte[] s_bcachefsMagic =
        [0xC6, 0x85, 0x73, 0xF6, 0x66, 0xCE, 0x90, 0xA9, 0xD9, 0x6A, 0x60, 0xCF, 0x80, 0x3D, 0xF7, 0xEF];

    public static IEnumerable<FileSystemDescription> Find(IBlockReader volume)
    {
        if (FindLvm(volume) is { } lvm)
            yield return lvm;
        foreach (FileSystemDescription member in FindRaid(volume))
            yield return member;
        if (FindZfs(volume) is { } zfs)
            yield return zfs;
        if (FindCache(volume) is { } cache)
            yield return cache;
    }

    // LVM2: the label is in one of the first four sectors and says where the header with the UUID is.
    private static FileSystemDescription? FindLvm(IBlockReader volume)
    {
        if (volume.TryRead(0, 4 * SectorBytes) is not { } head)
            return null;
        FileSystemDescription? found = null;
        var marks = new List<ByteRange>();
        for (int at = 0; at < head.Length; at += SectorBytes)
        {
            ReadOnlySpan<byte> label = head.AsSpan(at, SectorBytes);
            if (!label.StartsWith("LABELONE"u8) || !label.Slice(24).StartsWith("LVM2 001"u8))
                continue;
            marks.Add(new ByteRange(at, 8));
            uint header = LittleEndian.UInt32(label, 20);
            string? uuid = null;
            long? sizeBytes = null;
            if (header <= SectorBytes - 40)
            {
                string text = Encoding.ASCII.GetString(label.Slice((int)header, 32).ToArray());
                uuid = $"{text.Substring(0, 6)}-{text.Substring(6, 4)}-{text.Substring(10, 4)}-{text.Substring(14, 4)}-{text.Substring(18, 4)}-{text.Substring(22, 4)}-{text.Substring(26, 6)}";
                ulong size = LittleEndian.UInt64(label, (int)header + 32);
                sizeBytes = size is > 0 and <= long.MaxValue ? (long)size : null;
            }
            found ??= new FileSystemDescription { Type = "LVM2_member", Uuid = uuid, Version = "LVM2 001", SizeBytes = sizeBytes };
        }
        return found is null ? null : found with { Marks = marks };
    }

    // Linux md(4): version 1.1 at the start, 1.2 at 4 KiB, 1.0 at least 8 KiB and 0.90 at least 64 KiB before the end.
    private static IEnumerable<FileSystemDescription> FindRaid(IBlockReader volume)
    {
        long sectorCount = volume.LengthBytes / SectorBytes;
        if (FindRaid1(volume, 0, "1.1") is { } first)
            yield return first;
        if (FindRaid1(volume, 4096, "1.2") is { } second)
            yield return second;
        if (FindRaid1(volume, ((sectorCount - 16) & ~7L) * SectorBytes, "1.0") is { } last)
            yield return last;
        if (FindRaid0(volume, (volume.LengthBytes & ~0xFFFFL) - 0x10000) is { } old)
            yield return old;
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
            Marks = [new ByteRange(offset, 4)],
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
            : new FileSystemDescription
            {
                Type = "linux_raid_member",
                Version = $"0.{minor.ToString(CultureInfo.InvariantCulture)}.0",
                Marks = [new ByteRange(offset, 4)],
            };
    }

    // ZFS: two labels at the start and two at the end (of what is a multiple of a label's size); each ends with 128 KiB of
    // uberblocks. One uberblock is enough: an import takes the newest that it finds in any label.
    private static FileSystemDescription? FindZfs(IBlockReader volume)
    {
        var marks = new List<ByteRange>();
        long endBytes = volume.LengthBytes / ZfsLabelBytes * ZfsLabelBytes;
        long[] labels = [0, ZfsLabelBytes, endBytes - 2 * ZfsLabelBytes, endBytes - ZfsLabelBytes];
        long previous = -1;
        foreach (long label in labels)
        {
            // The labels of a tiny volume overlap.
            if (label <= previous || volume.TryRead(label + ZfsUberblocksOffset, ZfsLabelBytes - ZfsUberblocksOffset) is not { } ring)
                continue;
            previous = label;
            for (int at = 0; at < ring.Length; at += ZfsUberblockBytes)
            {
                if (LittleEndian.UInt64(ring, at) == ZfsMagic || BigEndian.UInt64(ring, at) == ZfsMagic)
                    marks.Add(new ByteRange(label + ZfsUberblocksOffset + at, 8));
            }
        }
        return marks.Count == 0 ? null : new FileSystemDescription { Type = "zfs_member", Marks = marks };
    }

    // bcache and bcachefs: the superblock is in sector 8; bcachefs lists its copies in sector 7.
    private static FileSystemDescription? FindCache(IBlockReader volume)
    {
        if (volume.TryRead(CacheOffset, SectorBytes) is not { } bytes)
            return null;
        ReadOnlySpan<byte> magic = bytes.AsSpan(CacheMagicOffset, s_bcacheMagic.Length);
        bool isBcache = magic.SequenceEqual(s_bcacheMagic);
        if (!isBcache && !magic.SequenceEqual(s_bcachefsMagic))
            return null;
        var marks = new SortedSet<long> { CacheOffset + CacheMagicOffset };
        if (volume.TryRead(CacheLayoutOffset, SectorBytes) is { } layout && layout.AsSpan().StartsWith(magic))
        {
            marks.Add(CacheLayoutOffset);
            for (int i = 0; i < Math.Min((int)layout[18], MostCacheCopies); i++)
            {
                ulong sector = LittleEndian.UInt64(layout, 24 + 8 * i);
                long offset = sector < (ulong)(volume.LengthBytes / SectorBytes) ? (long)sector * SectorBytes + CacheMagicOffset : -1;
                if (volume.TryRead(offset, magic.Length) is { } copy && magic.SequenceEqual(copy))
                    marks.Add(offset);
            }
        }
        // The same magic was bcachefs' before it had its own; bcache's superblock says in which sector it lies.
        bool isCacheDevice = isBcache && LittleEndian.UInt64(bytes, 8) == CacheOffset / SectorBytes;
        var description = new FileSystemDescription
        {
            Type = isCacheDevice ? "bcache" : "bcachefs",
            Uuid = VolumeStructures.Uuid(bytes.AsSpan(isCacheDevice ? 40 : 56, 16)),
            Label = VolumeStructures.Utf8Label(bytes.AsSpan(72, 32)),
        };
        var ranges = new List<ByteRange>();
        foreach (long offset in marks)
            ranges.Add(new ByteRange(offset, s_bcacheMagic.Length));
        return description with { Marks = ranges };
    }
}
