using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Ntfs;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// NTFS: an open journal ($LogFile) says that it is mounted, was not unmounted, or that its Windows sleeps; the root directory's times
/// say since when. Layout: the file record of the root (number 5), its $STANDARD_INFORMATION.
/// </summary>
internal static class NtfsUsage
{
    private const int RootRecord = 5;
    private const uint StandardInformation = 0x10;
    private const int MostRecordBytes = 64 << 10;

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(0, 512) is not { } boot || new NtfsReader().Probe(volume) is not { } description)
            return null;
        DateTimeOffset? touched = RootTime(volume, boot);
        return new UsageSign
        {
            Type = "ntfs",
            Id = description.Uuid,
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1} {2} {3}", description.Uuid, touched?.UtcTicks, description.UsedBytes, description.IsClean),
            Elsewhere = description.IsClean == false ? UsageSigns.WrittenSinceStart(touched, context) : null,
        };
    }

    private static DateTimeOffset? RootTime(IBlockReader volume, byte[] boot)
    {
        long clusterBytes = (long)LittleEndian.UInt16(boot, 11) * (boot[13] <= 128 ? boot[13] : 1L << Math.Min(256 - boot[13], 20));
        ulong tableCluster = LittleEndian.UInt64(boot, 48);
        sbyte recordSize = (sbyte)boot[64];
        long recordBytes = recordSize > 0 ? recordSize * clusterBytes : 1L << Math.Min(-recordSize, 20);
        if (clusterBytes <= 0 || recordBytes is < 512 or > MostRecordBytes || tableCluster > (ulong)(volume.LengthBytes / clusterBytes)
            || volume.TryRead((long)tableCluster * clusterBytes + RootRecord * recordBytes, (int)recordBytes) is not { } record
            || !record.AsSpan().StartsWith("FILE"u8))
            return null;
        int at = LittleEndian.UInt16(record, 20);
        for (int i = 0; i < 16 && LittleEndian.UInt32(record, at) is var type && type != uint.MaxValue; i++)
        {
            uint length = LittleEndian.UInt32(record, at + 4);
            if (type == StandardInformation && record[at + 8] == 0)
                return Newest(record, at + LittleEndian.UInt16(record, at + 20));
            if (length is < 16 or > MostRecordBytes)
                return null;
            at += (int)length;
        }
        return null;
    }

    /// <summary>Created, modified, record changed, read: 100 ns each since 1601.</summary>
    private static DateTimeOffset? Newest(byte[] record, int offset)
    {
        long newest = 0;
        for (int i = 0; i < 4; i++)
            newest = Math.Max(newest, LittleEndian.Int63(record, offset + 8 * i));
        return newest > 0 && newest < DateTimeOffset.MaxValue.ToFileTime() ? DateTimeOffset.FromFileTime(newest) : null;
    }
}
