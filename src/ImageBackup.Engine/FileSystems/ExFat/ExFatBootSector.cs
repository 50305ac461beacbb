using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>
/// The main boot sector ("exFAT file system specification", section 3.1), or its backup. Positions in sectors from
/// the volume's start.
/// </summary>
internal sealed record ExFatBootSector
{
    private const int RegionSectorCount = 12;
    private const int MaxClusterShift = 25;
    private const uint MaxClusterCount = 0xFFFFFFF5;
    private const int SupportedMajorRevision = 1;

    public required int SectorSizeBytes { get; init; }
    public required int ClusterSizeBytes { get; init; }
    public required long SectorCount { get; init; }
    public required uint FatOffset { get; init; }
    public required uint FatLength { get; init; }
    public required uint HeapOffset { get; init; }
    public required uint ClusterCount { get; init; }
    public required uint RootCluster { get; init; }
    public required uint SerialNumber { get; init; }
    public required string Revision { get; init; }

    /// <summary>With two tables (TexFAT): which of them, and of the bitmaps, is in use.</summary>
    public required bool IsSecondActive { get; init; }
    public required int FatCount { get; init; }
    public required bool IsDirty { get; init; }

    /// <summary>Share of used clusters, rounded down by the specification; null = not kept.</summary>
    public required int? PercentInUse { get; init; }

    /// <summary>Whether this is the backup, as the main boot region is damaged.</summary>
    public bool IsBackup { get; init; }

    public long SizeBytes => SectorCount * SectorSizeBytes;
    public long FatOffsetBytes => (FatOffset + (IsSecondActive ? (long)FatLength : 0)) * SectorSizeBytes;
    public long HeapOffsetBytes => (long)HeapOffset * SectorSizeBytes;
    public long ClusterOffsetBytes(uint cluster) => HeapOffsetBytes + (cluster - 2L) * ClusterSizeBytes;
    public bool IsCluster(uint cluster) => cluster >= 2 && cluster - 2 < ClusterCount;

    /// <summary>Whether the first sector says that this is exFAT; the rest may still be damaged.</summary>
    public static bool IsNamed(IBlockReader volume) =>
        volume.TryRead(0, 512) is { } bytes && bytes.AsSpan(3, 8).SequenceEqual("EXFAT   "u8) && LittleEndian.UInt16(bytes, 510) == 0xAA55;

    /// <summary>The geometry from the main boot region, else from its backup; null if neither has a right checksum.</summary>
    public static ExFatBootSector? TryRead(IBlockReader volume, bool verifiesChecksum)
    {
        if (!IsNamed(volume))
            return null;
        byte shift = volume.ReadExact(108, 1)[0];
        if (shift is >= 9 and <= 12 && TryReadRegion(volume, 0, 1 << shift, verifiesChecksum) is { } main)
            return main;
        for (int size = 512; size <= 4096; size *= 2)
        {
            if (TryReadRegion(volume, (long)RegionSectorCount * size, size, verifiesChecksum) is { } backup)
                return backup with { IsBackup = true };
        }
        return null;
    }

    private static ExFatBootSector? TryReadRegion(IBlockReader volume, long offsetBytes, int sectorSize, bool verifiesChecksum)
    {
        byte[]? region = volume.TryRead(offsetBytes, RegionSectorCount * sectorSize);
        if (region is null || !region.AsSpan(3, 8).SequenceEqual("EXFAT   "u8) || region[108] != 31 - LeadingZeros(sectorSize))
            return null;
        uint checksum = Checksum(region.AsSpan(0, (RegionSectorCount - 1) * sectorSize));
        return !verifiesChecksum || LittleEndian.UInt32(region, (RegionSectorCount - 1) * sectorSize) == checksum ? Parse(region) : null;
    }

    private static int LeadingZeros(int value)
    {
        int count = 0;
        for (uint bit = 1u << 31; bit != 0 && (value & bit) == 0; bit >>= 1)
            count++;
        return count;
    }

    // Section 3.4: the flags and the percentage change while mounted and are left out.
    private static uint Checksum(ReadOnlySpan<byte> sectors)
    {
        uint sum = 0;
        for (int i = 0; i < sectors.Length; i++)
        {
            if (i is not (106 or 107 or 112))
                sum = ((sum << 31) | (sum >> 1)) + sectors[i];
        }
        return sum;
    }

    private static ExFatBootSector? Parse(ReadOnlySpan<byte> bytes)
    {
        int sectorShift = bytes[108];
        int clusterShift = sectorShift + bytes[109];
        ulong sectorCount = LittleEndian.UInt64(bytes, 72);
        int flags = LittleEndian.UInt16(bytes, 106);
        byte percent = bytes[112];
        if (clusterShift > MaxClusterShift || sectorCount > (ulong)(long.MaxValue >> sectorShift))
            return null;
        var geometry = new ExFatBootSector
        {
            SectorSizeBytes = 1 << sectorShift,
            ClusterSizeBytes = 1 << clusterShift,
            SectorCount = (long)sectorCount,
            FatOffset = LittleEndian.UInt32(bytes, 80),
            FatLength = LittleEndian.UInt32(bytes, 84),
            HeapOffset = LittleEndian.UInt32(bytes, 88),
            ClusterCount = LittleEndian.UInt32(bytes, 92),
            RootCluster = LittleEndian.UInt32(bytes, 96),
            SerialNumber = LittleEndian.UInt32(bytes, 100),
            Revision = $"{bytes[105]}.{bytes[104]}",
            FatCount = bytes[110],
            IsSecondActive = bytes[110] == 2 && (flags & 1) != 0,
            IsDirty = (flags & 2) != 0,
            PercentInUse = percent <= 100 ? percent : null,
        };
        bool fits = geometry.FatCount is 1 or 2
            && bytes[105] == SupportedMajorRevision
            && geometry.ClusterCount is > 0 and <= MaxClusterCount
            && geometry.IsCluster(geometry.RootCluster)
            && geometry.FatOffset >= 2 * RegionSectorCount
            && geometry.FatLength * (long)geometry.SectorSizeBytes >= (geometry.ClusterCount + 2L) * 4
            && geometry.FatOffset + (long)geometry.FatCount * geometry.FatLength <= geometry.HeapOffset
            && geometry.HeapOffsetBytes + (long)geometry.ClusterCount * geometry.ClusterSizeBytes <= geometry.SizeBytes;
        return fits ? geometry : null;
    }
}
