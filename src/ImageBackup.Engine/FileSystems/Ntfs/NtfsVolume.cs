using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>An NTFS volume with its master file table opened: file records by number, streams by record and name.</summary>
internal sealed partial class NtfsVolume
{
    public const long MftRecord = 0;
    public const long LogFileRecord = 2;
    public const long VolumeRecord = 3;
    public const long RootRecord = 5;
    public const long BitmapRecord = 6;
    public const long SecureRecord = 9;
    public const long UpcaseRecord = 10;

    /// <summary>The first records, which $MFTMirr repeats.</summary>
    private const int MirroredRecordCount = 4;

    private readonly IBlockReader _volume;
    private readonly NtfsStream _mft;
    private readonly SortedSet<long> _mirroredRecords = [];

    private NtfsVolume(IBlockReader volume, NtfsBootSector geometry)
    {
        _volume = volume;
        Geometry = geometry;
        NtfsFileRecord record = ReadFirstRecords(MftRecord);
        _mft = OpenMft(record);
    }

    public NtfsBootSector Geometry { get; }

    /// <summary>Records that are damaged in the table and were taken from its mirror.</summary>
    public IReadOnlyCollection<long> MirroredRecords => _mirroredRecords;

    /// <exception cref="FileSystemFormatException">The master file table cannot be read.</exception>
    public static NtfsVolume Open(IBlockReader volume, NtfsBootSector geometry) => new(volume, geometry);

    /// <summary>A file record that is in use; one of the first four comes from the mirror if the first copy is damaged.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, unused, or no such record.</exception>
    public NtfsFileRecord ReadRecord(long number) =>
        FindRecord(number) ?? throw new FileSystemFormatException($"NTFS: file record {number} is not in use");

    /// <summary>As <see cref="ReadRecord(long)"/>, but null if the record is not in use.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, or no such record.</exception>
    public NtfsFileRecord? FindRecord(long number)
    {
        NtfsFileRecord record = number < MirroredRecordCount ? ReadFirstRecords(number) : ReadTableRecord(_mft, number);
        return record.IsInUse ? record : null;
    }

    /// <summary>The record of a file that a directory refers to.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, reused for another file, or the extension of one.</exception>
    public NtfsFileRecord ReadRecord(NtfsFileReference reference)
    {
        NtfsFileRecord record = ReadRecord(reference.Number);
        if (record.IsExtension || record.SequenceNumber != reference.Sequence)
            throw new FileSystemFormatException($"NTFS: file record {reference.Number} belongs to another file");
        return record;
    }

    private NtfsFileRecord ReadFirstRecords(long number)
    {
        try
        {
            return ReadRecordAt(Geometry.MftCluster, number);
        }
        catch (FileSystemFormatException damaged)
        {
            try
            {
                NtfsFileRecord record = ReadRecordAt(Geometry.MftMirrorCluster, number);
                lock (_mirroredRecords)
                    _mirroredRecords.Add(number);
                return record;
            }
            catch (FileSystemFormatException)
            {
                throw damaged;
            }
        }
    }

    // The first four records lie in the table's first run; the driver needs them to find the rest.
    private NtfsFileRecord ReadRecordAt(long cluster, long number)
    {
        long offset = cluster * Geometry.ClusterSizeBytes + number * Geometry.RecordSizeBytes;
        return NtfsFileRecord.Parse(_volume.ReadExact(offset, Geometry.RecordSizeBytes), number);
    }

    private NtfsFileRecord ReadTableRecord(NtfsStream mft, long number)
    {
        if (number < 0 || number >= mft.DataSizeBytes / Geometry.RecordSizeBytes)
            throw new FileSystemFormatException($"NTFS: there is no file record {number}");
        var bytes = new byte[Geometry.RecordSizeBytes];
        mft.Read(number * Geometry.RecordSizeBytes, bytes);
        return NtfsFileRecord.Parse(bytes, number);
    }
}
