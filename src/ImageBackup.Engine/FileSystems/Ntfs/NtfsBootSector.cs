using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// The geometry in the first sector of an NTFS volume (BIOS parameter block and its NTFS extension, offsets
/// 0x0B to 0x53). All sizes in bytes, positions in clusters from the volume's start.
/// </summary>
internal sealed record NtfsBootSector
{
    public const int LengthBytes = 512;
    private const int MaxClusterSizeBytes = 2 << 20;
    private const int MaxRecordSizeBytes = 64 << 10;

    public required int SectorSizeBytes { get; init; }
    public required int ClusterSizeBytes { get; init; }

    /// <summary>Sectors of the file system; the backup boot sector follows as one more.</summary>
    public required long SectorCount { get; init; }
    public required long MftCluster { get; init; }
    public required long MftMirrorCluster { get; init; }
    public required int RecordSizeBytes { get; init; }
    public required ulong SerialNumber { get; init; }

    public long SizeBytes => SectorCount * SectorSizeBytes;

    /// <summary>Whole clusters; sectors after the last one belong to no file.</summary>
    public long ClusterCount => SizeBytes / ClusterSizeBytes;

    /// <summary>The geometry, or null if the sector is not one of NTFS or makes no sense.</summary>
    public static NtfsBootSector? TryRead(IBlockReader volume)
    {
        byte[]? bytes = volume.TryRead(0, LengthBytes);
        return bytes is not null && bytes.AsSpan(3, 8).SequenceEqual("NTFS    "u8) ? Parse(bytes) : null;
    }

    private static NtfsBootSector? Parse(ReadOnlySpan<byte> bytes)
    {
        int sectorSize = LittleEndian.UInt16(bytes, 0x0B);
        if (sectorSize is not (512 or 1024 or 2048 or 4096))
            return null;

        // Up to 0x80 the byte is the count itself; from 0xF4 up it is a negative exponent, for clusters over 64 KiB.
        byte perCluster = LittleEndian.UInt8(bytes, 0x0D);
        int sectorsPerCluster = perCluster <= 0x80 ? perCluster : perCluster >= 0xF4 ? 1 << (256 - perCluster) : 0;
        if (sectorsPerCluster == 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) != 0)
            return null;
        long clusterSize = (long)sectorSize * sectorsPerCluster;
        if (clusterSize > MaxClusterSizeBytes)
            return null;

        ulong sectorCount = LittleEndian.UInt64(bytes, 0x28);
        ulong mft = LittleEndian.UInt64(bytes, 0x30);
        ulong mirror = LittleEndian.UInt64(bytes, 0x38);
        if (sectorCount == 0 || sectorCount > (ulong)(long.MaxValue / sectorSize))
            return null;
        ulong clusterCount = sectorCount / (ulong)sectorsPerCluster;
        if (mft >= clusterCount || mirror >= clusterCount)
            return null;

        // Positive: clusters; negative: the exponent of the size in bytes.
        int perRecord = (sbyte)LittleEndian.UInt8(bytes, 0x40);
        long recordSize = perRecord > 0 ? perRecord * clusterSize : perRecord is < 0 and >= -16 ? 1L << -perRecord : 0;
        if (recordSize is < 512 or > MaxRecordSizeBytes || (recordSize & (recordSize - 1)) != 0)
            return null;

        return new NtfsBootSector
        {
            SectorSizeBytes = sectorSize,
            ClusterSizeBytes = (int)clusterSize,
            SectorCount = (long)sectorCount,
            MftCluster = (long)mft,
            MftMirrorCluster = (long)mirror,
            RecordSizeBytes = (int)recordSize,
            SerialNumber = LittleEndian.UInt64(bytes, 0x48),
        };
    }
}
