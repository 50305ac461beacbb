using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>
/// What a mounted NTFS, FAT or exFAT volume says of its clusters: FSCTL_GET_VOLUME_BITMAP, asked page by page. Layouts:
/// winioctl.h (STARTING_LCN_INPUT_BUFFER, VOLUME_BITMAP_BUFFER, NTFS_VOLUME_DATA_BUFFER, RETRIEVAL_POINTER_BASE); all
/// little-endian.
/// </summary>
/// <remarks>Tested with a double of the driver only: it never ran on a real Windows, and Wine does not answer these calls.</remarks>
internal static class WindowsVolumeBitmap
{
    public const string SourceName = "windows";
    private const int HeaderBytes = 16;
    private const int PageBytes = 1 << 20;
    private const int NtfsDataBytes = 96;
    private const int NtfsClusterSizeOffset = 44;
    private const int VolumeIsDirty = 1;
    private const int MostClusterBytes = 32 << 20;

    /// <summary>Null if the driver does not answer, or gives what cannot be: then the structures are to be read.</summary>
    /// <param name="volume">The open volume.</param>
    /// <param name="fileSystem">What it is mounted as.</param>
    /// <param name="sectorSizeBytes">The volume's logical sector.</param>
    /// <param name="lengthBytes">The volume's length.</param>
    /// <param name="clusterSizeOfFileSystem">The cluster's size if it is not NTFS, in bytes; 0: not known.</param>
    public static VolumeBitmap? Query(
        IVolumeControl volume, string? fileSystem, int sectorSizeBytes, long lengthBytes, Func<long> clusterSizeOfFileSystem)
    {
        long? clusterSize, firstOffset;
        switch (fileSystem?.ToUpperInvariant())
        {
            case "NTFS":
                clusterSize = NtfsClusterSize(volume);
                firstOffset = 0;
                break;
            case "FAT" or "FAT12" or "FAT16" or "FAT32" or "EXFAT":
                clusterSize = clusterSizeOfFileSystem();
                firstOffset = FirstClusterOffset(volume, sectorSizeBytes);
                break;
            default:
                return null;
        }
        if (clusterSize is not { } size || size < sectorSizeBytes || size > MostClusterBytes || (size & (size - 1)) != 0
            || firstOffset is not { } first || first < 0 || first >= lengthBytes || !IsSound(volume))
            return null;
        // One word of the bitmap is enough to hear how long it is.
        byte[] head = new byte[HeaderBytes + sizeof(long)];
        if (Page(volume, 0, head, out _, out long count) is not null || count <= 0 || count > (lengthBytes - first) / size)
            return null;
        return new VolumeBitmap
        {
            Source = SourceName,
            ClusterSizeBytes = (int)size,
            FirstClusterOffsetBytes = first,
            ClusterCount = count,
            Pages = Pages(volume, count, PageBytes),
        };
    }

    /// <summary>The whole bitmap in pages of at most so many bytes.</summary>
    /// <exception cref="BlockReadException">While enumerating: the driver refused, or changed its mind on the length.</exception>
    internal static IEnumerable<UsedMapPage> Pages(IVolumeControl volume, long clusterCount, int pageBytes)
    {
        byte[] answer = new byte[HeaderBytes + (int)Math.Min(pageBytes, (clusterCount + 7) / 8)];
        byte[] bits = new byte[answer.Length - HeaderBytes];
        for (long next = 0; next < clusterCount;)
        {
            if (Page(volume, next, answer, out int bitmapBytes, out long left) is { } failure)
                throw new BlockReadException(0, 0, $"the map from cluster {next} on could not be read: {failure}");
            if (left != clusterCount - next)
                throw new BlockReadException(0, 0, $"the map had {clusterCount} clusters when it was asked for first, and {next + left} later");
            long count = Math.Min(left, bitmapBytes * 8L);
            Buffer.BlockCopy(answer, HeaderBytes, bits, 0, bitmapBytes);
            yield return new UsedMapPage(next, count, bits);
            // A full page holds a multiple of 8 clusters, so the next begins at a byte, as the driver wants it.
            next += count;
        }
    }

    /// <summary>One call. Null when it went well, else why not.</summary>
    private static string? Page(IVolumeControl volume, long firstCluster, byte[] answer, out int bitmapBytes, out long clustersLeft)
    {
        Span<byte> start = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(start, firstCluster);
        bool isWhole = volume.Control(Kernel32.FSCTL_GET_VOLUME_BITMAP, start, answer, out int returned, out int error);
        bitmapBytes = 0;
        clustersLeft = 0;
        if (!isWhole && error != WindowsError.MoreData)
            return WindowsError.Describe(error);
        if (returned <= HeaderBytes || returned > answer.Length)
            return $"an answer of {returned} bytes";
        if (BinaryPrimitives.ReadInt64LittleEndian(answer) != firstCluster)
            return $"an answer for cluster {BinaryPrimitives.ReadInt64LittleEndian(answer)}";
        clustersLeft = BinaryPrimitives.ReadInt64LittleEndian(answer.AsSpan(sizeof(long)));
        bitmapBytes = returned - HeaderBytes;
        if (clustersLeft <= 0)
            return $"{clustersLeft} clusters left";
        return isWhole && bitmapBytes * 8L < clustersLeft ? $"{bitmapBytes} bytes for {clustersLeft} clusters" : null;
    }

    /// <summary>If damage waits for chkdsk the driver's bitmap is as wrong as the one on the disk.</summary>
    private static bool IsSound(IVolumeControl volume)
    {
        byte[] flags = new byte[sizeof(uint)];
        return volume.Control(Kernel32.FSCTL_IS_VOLUME_DIRTY, default, flags, out int returned, out _) && returned == flags.Length
            && (flags[0] & VolumeIsDirty) == 0;
    }

    private static long? NtfsClusterSize(IVolumeControl volume)
    {
        byte[] data = new byte[NtfsDataBytes];
        return volume.Control(Kernel32.FSCTL_GET_NTFS_VOLUME_DATA, default, data, out int returned, out _) && returned >= NtfsClusterSizeOffset + sizeof(uint)
            ? BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(NtfsClusterSizeOffset))
            : null;
    }

    /// <summary>In bytes; the driver tells it in sectors.</summary>
    private static long? FirstClusterOffset(IVolumeControl volume, int sectorSizeBytes)
    {
        byte[] data = new byte[sizeof(long)];
        return volume.Control(Kernel32.FSCTL_GET_RETRIEVAL_POINTER_BASE, default, data, out int returned, out _) && returned == data.Length
            && BinaryPrimitives.ReadInt64LittleEndian(data) is var sectors && sectors >= 0 && sectors <= long.MaxValue / sectorSizeBytes
                ? sectors * sectorSizeBytes
                : null;
    }
}
