using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>NTFS 1.2 to 3.1: which clusters are in use, by $Bitmap (file record 6).</summary>
/// <remarks>
/// <para>NTFS keeps no free count. The map is reconciled with something that does not come from $Bitmap: every
/// cluster of the system files (records 0 to 11, their runs) must be marked used.</para>
/// <para>Windows writes $Bitmap lazily; until then the change is in $LogFile only. A volume whose log was not
/// closed is therefore refused, unless the caller knows that the driver flushed it. The dirty flag of $Volume is
/// another matter: Windows sets it when it has found damage (chkdsk is due), so it is refused always.</para>
/// </remarks>
internal sealed partial class NtfsReader : IFlushAwareReader, IOmittedFiles, IFileTreeReader
{
    /// <summary>A probe counts used clusters only up to this size of $Bitmap (1 TiB at 4 KiB clusters).</summary>
    private const long MaxProbedBitmapBytes = 32 << 20;
    private static readonly ByteRange[] s_marks = [new(3, 8)];
    private const ushort DirtyFlag = 0x0001;
    private const ushort CheckUnderwayFlag = 0x4000;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (NtfsBootSector.TryRead(volume) is not { } geometry)
            return null;
        var description = new FileSystemDescription
        {
            Type = "ntfs",
            Marks = s_marks,
            Uuid = geometry.SerialNumber.ToString("X16", CultureInfo.InvariantCulture),
            SizeBytes = geometry.SizeBytes,
            ClusterSizeBytes = geometry.ClusterSizeBytes,
        };
        try
        {
            NtfsVolume ntfs = NtfsVolume.Open(volume, geometry);
            NtfsFileRecord record = ntfs.ReadRecord(NtfsVolume.VolumeRecord);
            (string version, ushort flags) = ReadInformation(record);
            description = description with
            {
                Label = record.Find(NtfsAttributeType.VolumeName) is { } name ? VolumeStructures.Utf16Label(name.Value.Span) : null,
                Version = version,
            };
            description = description with { IsClean = (flags & (DirtyFlag | CheckUnderwayFlag)) == 0 && IsLogClean(ntfs) };
            NtfsStream bitmap = OpenBitmap(ntfs);
            if (bitmap.DataSizeBytes <= MaxProbedBitmapBytes)
                description = description with { UsedBytes = CountUsedClusters(bitmap, geometry) * geometry.ClusterSizeBytes };
        }
        catch (FileSystemFormatException)
        {
            // Recognised as far as it can be read.
        }
        return description;
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        ReadUsedRanges(volume, isFlushed: false, cancellation);

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, bool isFlushed, CancellationToken cancellation)
    {
        NtfsVolume ntfs = Open(volume);
        RequireConsistent(ntfs, isFlushed);
        return ReadMap(ntfs, volume, cancellation);
    }

    private static NtfsVolume Open(IBlockReader volume)
    {
        NtfsBootSector geometry = NtfsBootSector.TryRead(volume)
            ?? throw new FileSystemFormatException("NTFS: the boot sector is damaged");
        if (geometry.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"NTFS: the file system has {geometry.SizeBytes} bytes, the volume only {volume.LengthBytes}");
        return NtfsVolume.Open(volume, geometry);
    }

    private static void RequireConsistent(NtfsVolume ntfs, bool isFlushed)
    {
        (_, ushort flags) = ReadInformation(ntfs.ReadRecord(NtfsVolume.VolumeRecord));
        if ((flags & DirtyFlag) != 0)
            throw new FileSystemFormatException("NTFS: the volume is marked dirty (run chkdsk): its map of free space cannot be trusted");
        if ((flags & CheckUnderwayFlag) != 0)
            throw new FileSystemFormatException("NTFS: a chkdsk run was not finished: the map of free space cannot be trusted");
        if (!isFlushed && !IsLogClean(ntfs))
            throw new FileSystemFormatException("NTFS: the volume was not taken off cleanly, or is hibernated: the journal ($LogFile) may hold changes to the map of free space");
    }

    private static (string Version, ushort Flags) ReadInformation(NtfsFileRecord volumeRecord)
    {
        NtfsAttribute information = volumeRecord.Find(NtfsAttributeType.VolumeInformation)
            ?? throw new FileSystemFormatException("NTFS: $Volume has no information");
        ReadOnlySpan<byte> value = information.Value.Span;
        byte major = LittleEndian.UInt8(value, 8);
        if (major is not (1 or 3))
            throw new FileSystemFormatException($"NTFS: version {major} is unknown");
        return ($"{major}.{LittleEndian.UInt8(value, 9)}", LittleEndian.UInt16(value, 0x0A));
    }

    private static bool IsLogClean(NtfsVolume ntfs)
    {
        NtfsStream log = ntfs.OpenStream(ntfs.ReadRecord(NtfsVolume.LogFileRecord), NtfsVolume.LogFileRecord, NtfsAttributeType.Data)
            ?? throw new FileSystemFormatException("NTFS: the journal ($LogFile) has no content");
        return NtfsLogFile.IsClean(log);
    }
}
