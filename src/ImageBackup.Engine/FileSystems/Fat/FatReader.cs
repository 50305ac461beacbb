using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>FAT12, FAT16 and FAT32: which clusters are in use, by the file allocation table.</summary>
/// <remarks>
/// <para>The table is the only truth that FAT has, so a volume that was not closed cleanly is read like any other:
/// a cluster that the table calls free belongs to no file that a driver could read. The proof is in the table
/// itself: its copies are alike, and no chain points to a free cluster. Bad clusters count as used.</para>
/// <para>FAT32's count of free clusters (FSInfo) is a hint by its specification, which drivers may leave stale:
/// if it differs, the map says so in a warning and stands.</para>
/// </remarks>
internal sealed partial class FatReader : IFileTreeReader
{
    /// <summary>A probe counts used clusters only in tables up to this size.</summary>
    private const long MaxProbedTableBytes = 32 << 20;
    // FAT has no magic: the jump and the parameter block are what it is known by.
    private static readonly ByteRange[] s_marks = [new(0, 90)];
    private const int DirectoryEntryBytes = 32;

    /// <summary>The label is one of the first entries; a directory may have 65,536.</summary>
    private const int MaxLabelSearchBytes = 2 << 20;
    private const uint UnknownCount = 0xFFFFFFFF;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (FatBootSector.TryRead(volume) is not { } geometry)
            return null;
        var description = new FileSystemDescription
        {
            Type = "vfat",
            Marks = s_marks,
            Version = $"FAT{(int)geometry.Width}",
            Label = geometry.Label is { } label && !label.AsSpan().SequenceEqual("NO NAME    "u8) ? Text(label) : null,
            Uuid = geometry.Serial,
            SizeBytes = geometry.SizeBytes,
            ClusterSizeBytes = geometry.ClusterSizeBytes,
        };
        try
        {
            description = description with { Label = FindLabel(volume, geometry) ?? description.Label };
            description = description with { IsClean = IsClean(geometry, FatTable.ReadEntry(volume, geometry, 1)) };
            if (geometry.FatSectorCount * geometry.SectorSizeBytes <= MaxProbedTableBytes)
            {
                FatTable table = FatTable.Read(volume, geometry, CancellationToken.None);
                description = description with { UsedBytes = table.UsedCount * geometry.ClusterSizeBytes };
            }
        }
        catch (FileSystemFormatException)
        {
            // Recognised as far as it can be read.
        }
        return description;
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation)
    {
        FatBootSector geometry = FatBootSector.TryRead(volume)
            ?? throw new FileSystemFormatException("FAT: the boot sector is damaged");
        if (geometry.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"FAT: the file system has {geometry.SizeBytes} bytes, the volume only {volume.LengthBytes}");

        FatTable table = FatTable.Read(volume, geometry, cancellation);
        long rootIndex = (long)geometry.RootCluster - 2;
        if (geometry.Width == FatWidth.Fat32
            && (rootIndex < 0 || rootIndex >= geometry.ClusterCount || (table.UsedBits[rootIndex >> 3] >> (int)(rootIndex & 7) & 1) == 0))
        {
            throw new FileSystemFormatException($"FAT: the root directory's cluster {geometry.RootCluster} is not in use");
        }

        var builder = new UsedRangeBuilder(volume.LengthBytes, geometry.ClusterSizeBytes);
        long freeCount = builder.FreeByBitmap(table.UsedBits, geometry.DataOffsetBytes, geometry.ClusterCount, geometry.ClusterSizeBytes);
        var warnings = new List<string>();
        if (ReadFreeCount(volume, geometry) is { } hint && hint != freeCount)
            warnings.Add($"FAT: the free-cluster count of the FSInfo sector says {hint}, the table {freeCount}; the table counts.");
        if (builder.MinimumRunBytes > 0)
            warnings.Add($"FAT: the free space is badly fragmented: free runs under {builder.MinimumRunBytes} bytes are stored too.");
        return builder.Build([.. warnings]);
    }

    // FAT12 has no such bits; FAT16 and FAT32 clear the highest while mounted and the next after a disk error.
    private static bool IsClean(FatBootSector geometry, uint stateEntry)
    {
        uint mask = geometry.Width switch { FatWidth.Fat16 => 0xC000u, FatWidth.Fat32 => 0x0C000000u, _ => 0u };
        return !geometry.IsMarkedDirty && (stateEntry & mask) == mask;
    }

    private static uint? ReadFreeCount(IBlockReader volume, FatBootSector geometry)
    {
        if (geometry.InfoSector == 0 || geometry.InfoSector >= geometry.ReservedSectorCount)
            return null;
        byte[] info = volume.ReadExact((long)geometry.InfoSector * geometry.SectorSizeBytes, 512);
        if (LittleEndian.UInt32(info, 0) != 0x41615252 || LittleEndian.UInt32(info, 484) != 0x61417272)
            return null;
        uint count = LittleEndian.UInt32(info, 488);
        return count == UnknownCount ? null : count;
    }

    private static string? FindLabel(IBlockReader volume, FatBootSector geometry)
    {
        if (geometry.Width != FatWidth.Fat32)
            return FindLabel(volume.ReadExact(geometry.RootOffsetBytes, geometry.RootEntryCount * DirectoryEntryBytes), out _);
        uint cluster = geometry.RootCluster;
        for (int searchedBytes = 0; searchedBytes < MaxLabelSearchBytes; searchedBytes += geometry.ClusterSizeBytes)
        {
            if (cluster < 2 || cluster >= geometry.EntryCount)
                return null;
            byte[] entries = volume.ReadExact(geometry.DataOffsetBytes + (cluster - 2L) * geometry.ClusterSizeBytes, geometry.ClusterSizeBytes);
            string? label = FindLabel(entries, out bool isEnd);
            if (label is not null || isEnd)
                return label;
            cluster = FatTable.ReadEntry(volume, geometry, cluster);
        }
        return null;
    }

    private static string? FindLabel(ReadOnlySpan<byte> entries, out bool isEnd)
    {
        const byte Deleted = 0xE5;
        const int AttributeMask = 0x3F;
        const int VolumeLabel = 0x08;
        for (int offset = 0; offset + DirectoryEntryBytes <= entries.Length; offset += DirectoryEntryBytes)
        {
            ReadOnlySpan<byte> entry = entries.Slice(offset, DirectoryEntryBytes);
            isEnd = entry[0] == 0;
            if (isEnd)
                return null;
            if (entry[0] != Deleted && (entry[11] & AttributeMask & ~0x20) == VolumeLabel)
                return Text(entry.Slice(0, 11));
        }
        isEnd = false;
        return null;
    }

    // The code page is the formatting system's own and stands nowhere: what is not ASCII cannot be told.
    private static string? Text(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte value in bytes)
            text.Append(value is >= 0x20 and < 0x7F ? (char)value : '\uFFFD');
        string label = text.ToString().TrimEnd();
        return label.Length == 0 ? null : label;
    }
}
