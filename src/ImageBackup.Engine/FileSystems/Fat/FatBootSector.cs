using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>The width of a FAT entry in bits.</summary>
internal enum FatWidth
{
    Fat12 = 12,
    Fat16 = 16,
    Fat32 = 32,
}

/// <summary>
/// The BIOS parameter block ("Microsoft Extensible Firmware Initiative FAT32 File System Specification", FAT:
/// General Overview of On-Disk Format). Positions in sectors from the volume's start.
/// </summary>
internal sealed record FatBootSector
{
    private const int LengthBytes = 512;
    private const int DirectoryEntryBytes = 32;
    private const byte ExtendedSignature = 0x29;
    private const int MaxFat12Clusters = 4084;
    private const int MaxFat16Clusters = 65524;

    /// <summary>FAT32 entries have 28 bits, of which the highest values are marks.</summary>
    private const long MaxFat32Clusters = 0x0FFFFFF5;

    public required FatWidth Width { get; init; }
    public required int SectorSizeBytes { get; init; }
    public required int ClusterSizeBytes { get; init; }
    public required long SectorCount { get; init; }
    public required int ReservedSectorCount { get; init; }
    public required int FatCount { get; init; }
    public required long FatSectorCount { get; init; }
    public required int RootEntryCount { get; init; }

    /// <summary>FAT32 only: where the root directory begins.</summary>
    public required uint RootCluster { get; init; }

    /// <summary>The copy in use if the copies are not kept alike (FAT32); null = all are.</summary>
    public required int? ActiveFat { get; init; }

    /// <summary>FAT32 only; 0 = there is none.</summary>
    public required int InfoSector { get; init; }
    public required string? Serial { get; init; }
    public required byte[]? Label { get; init; }

    /// <summary>Windows and Linux set the flag in the boot sector while the volume is in use.</summary>
    public required bool IsMarkedDirty { get; init; }

    public long SizeBytes => SectorCount * SectorSizeBytes;
    public long FatOffsetBytes(int copy) => (ReservedSectorCount + copy * FatSectorCount) * SectorSizeBytes;
    public long RootOffsetBytes => FatOffsetBytes(FatCount);
    public int RootSectorCount => (RootEntryCount * DirectoryEntryBytes + SectorSizeBytes - 1) / SectorSizeBytes;

    /// <summary>Where cluster 2, the first, begins.</summary>
    public long DataOffsetBytes => RootOffsetBytes + (long)RootSectorCount * SectorSizeBytes;
    public long ClusterCount => (SizeBytes - DataOffsetBytes) / ClusterSizeBytes;

    /// <summary>Entries 0 and 1 stand for no cluster.</summary>
    public long EntryCount => ClusterCount + 2;

    /// <summary>The geometry, or null if the sector is not one of FAT or makes no sense.</summary>
    public static FatBootSector? TryRead(IBlockReader volume)
    {
        byte[]? bytes = volume.TryRead(0, LengthBytes);
        return bytes is null ? null : Parse(bytes);
    }

    private static FatBootSector? Parse(ReadOnlySpan<byte> bytes)
    {
        // FAT has no magic: the jump, the mark at the end and every field must fit.
        bool isBootable = (bytes[0] == 0xEB && bytes[2] == 0x90) || bytes[0] == 0xE9;
        if (!isBootable || LittleEndian.UInt16(bytes, 510) != 0xAA55)
            return null;
        int sectorSize = LittleEndian.UInt16(bytes, 11);
        int perCluster = bytes[13];
        int reserved = LittleEndian.UInt16(bytes, 14);
        int fatCount = bytes[16];
        byte media = bytes[21];
        if (sectorSize is not (512 or 1024 or 2048 or 4096) || perCluster == 0 || (perCluster & (perCluster - 1)) != 0
            || reserved == 0 || fatCount is 0 or > 4 || media is not (0xF0 or >= 0xF8))
        {
            return null;
        }

        // Both Windows' and Linux' drivers tell FAT32 by the empty 16-bit size, whatever the number of clusters.
        int fatSectors16 = LittleEndian.UInt16(bytes, 22);
        bool isFat32 = fatSectors16 == 0;
        uint sectors16 = LittleEndian.UInt16(bytes, 19);
        int rootEntries = LittleEndian.UInt16(bytes, 17);
        int flags = isFat32 ? LittleEndian.UInt16(bytes, 40) : 0;
        bool isLabelled = bytes[isFat32 ? 66 : 38] == ExtendedSignature;
        int id = isFat32 ? 67 : 39;
        var geometry = new FatBootSector
        {
            Width = FatWidth.Fat32,
            SectorSizeBytes = sectorSize,
            ClusterSizeBytes = sectorSize * perCluster,
            SectorCount = sectors16 != 0 ? sectors16 : LittleEndian.UInt32(bytes, 32),
            ReservedSectorCount = reserved,
            FatCount = fatCount,
            FatSectorCount = isFat32 ? LittleEndian.UInt32(bytes, 36) : fatSectors16,
            RootEntryCount = rootEntries,
            RootCluster = isFat32 ? LittleEndian.UInt32(bytes, 44) : 0,
            ActiveFat = (flags & 0x80) != 0 ? flags & 0x0F : null,
            InfoSector = isFat32 ? LittleEndian.UInt16(bytes, 48) : 0,
            Serial = isLabelled ? $"{LittleEndian.UInt16(bytes, id + 2):X4}-{LittleEndian.UInt16(bytes, id):X4}" : null,
            Label = isLabelled ? bytes.Slice(id + 4, 11).ToArray() : null,
            IsMarkedDirty = (bytes[isFat32 ? 65 : 37] & 1) != 0,
        };
        if (geometry.FatSectorCount == 0 || geometry.ActiveFat >= fatCount || geometry.SizeBytes <= geometry.DataOffsetBytes)
            return null;
        if (isFat32)
            return rootEntries == 0 && LittleEndian.UInt16(bytes, 42) == 0 && geometry.ClusterCount is > 0 and <= MaxFat32Clusters ? geometry : null;
        return rootEntries > 0 && geometry.ClusterCount is > 0 and <= MaxFat16Clusters
            ? geometry with { Width = geometry.ClusterCount <= MaxFat12Clusters ? FatWidth.Fat12 : FatWidth.Fat16 }
            : null;
    }
}
