using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// A stream that NTFS compressed: each unit of clusters is a hole, or as it is, or compressed, which shows by the hole that follows its
/// data in the unit.
/// </summary>
internal sealed class NtfsCompressedData : UnitFileData, IStoredContent
{
    private readonly IBlockReader _volume;
    private readonly IReadOnlyList<NtfsRun> _runs;
    private readonly int _clusterSizeBytes;
    private readonly long _validBytes;
    private readonly int _unitClusters;

    /// <summary>64 KiB is what drivers make.</summary>
    private const int MaxUnitBytes = 4 << 20;

    private NtfsCompressedData(IBlockReader volume, NtfsStream stream, int clusterSizeBytes, int unitBytes)
        : base(stream.DataSizeBytes, unitBytes)
    {
        _volume = volume;
        _runs = stream.Runs;
        _clusterSizeBytes = clusterSizeBytes;
        _validBytes = stream.InitializedSizeBytes;
        _unitClusters = unitBytes / clusterSizeBytes;
    }

    /// <exception cref="FileSystemFormatException">Its unit has a bad length.</exception>
    public static NtfsCompressedData Open(IBlockReader volume, NtfsStream stream, int clusterSizeBytes)
    {
        long unitBytes = stream.CompressionUnitShift > 16 ? 0 : (long)clusterSizeBytes << stream.CompressionUnitShift;
        if (unitBytes is 0 or > MaxUnitBytes)
            throw new FileSystemFormatException($"NTFS: a stream is compressed in units of 2^{stream.CompressionUnitShift} clusters");
        return new NtfsCompressedData(volume, stream, clusterSizeBytes, (int)unitBytes);
    }

    protected override void Decode(long unit, Span<byte> target)
    {
        long first = unit * _unitClusters;
        var stored = new byte[UnitBytes];
        int count = 0;
        bool hasHole = false;
        for (int i = RunAt(first); i < _runs.Count && _runs[i].Vcn < first + _unitClusters; i++)
        {
            NtfsRun run = _runs[i];
            long start = Math.Max(first, run.Vcn);
            int clusters = (int)(Math.Min(run.EndVcn, first + _unitClusters) - start);
            if (run.IsHole)
            {
                hasHole = true;
                continue;
            }
            if (hasHole)
                throw new FileSystemFormatException("NTFS: a compressed unit has data behind a hole");
            int length = clusters * _clusterSizeBytes;
            _volume.ReadExact((run.Lcn + (start - run.Vcn)) * _clusterSizeBytes, stored.AsSpan(count, length));
            count += length;
        }
        if (count == 0)
            target.Clear();
        else if (hasHole)
            Lznt1.Decompress(stored.AsSpan(0, count), target);
        else if (count >= target.Length)
            stored.AsSpan(0, target.Length).CopyTo(target);
        else
            throw new FileSystemFormatException("NTFS: a compressed stream is longer than its runs");
        long valid = _validBytes - unit * UnitBytes;
        if (valid < target.Length)
            target.Slice((int)Math.Max(0, valid)).Clear();
    }

    public override ByteRange? NextData(long offsetBytes)
    {
        long end = Math.Min(LengthBytes, _validBytes);
        if (offsetBytes >= end)
            return null;
        for (int i = RunAt(offsetBytes / UnitBytes * _unitClusters); i < _runs.Count; i++)
        {
            NtfsRun run = _runs[i];
            if (run.IsHole)
                continue;
            long start = Math.Max(offsetBytes, run.Vcn / _unitClusters * UnitBytes);
            long last = Math.Min(end, ((run.EndVcn - 1) / _unitClusters + 1) * UnitBytes);
            if (last > start)
                return new ByteRange(start, last - start);
            if (start >= end)
                return null;
        }
        return null;
    }

    public IEnumerable<StoredPiece> Pieces()
    {
        long form = checked(_validBytes << 5 | 1) + BitLength(_unitClusters);
        foreach (NtfsRun run in _runs)
        {
            long length = run.ClusterCount * _clusterSizeBytes;
            if (!run.IsHole)
                yield return new StoredPiece(run.Vcn * _clusterSizeBytes, length, run.Lcn * _clusterSizeBytes, length, form);
        }
    }

    private static int BitLength(int value)
    {
        int length = 0;
        for (; value > 1; value >>= 1)
            length++;
        return length;
    }

    private int RunAt(long vcn)
    {
        int low = 0;
        int high = _runs.Count;
        while (low < high)
        {
            int middle = low + ((high - low) >> 1);
            if (_runs[middle].EndVcn > vcn)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
}
