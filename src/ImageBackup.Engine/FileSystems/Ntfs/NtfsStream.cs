using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>The bytes of an attribute, resident or in runs: holes and what was never written read as zeros.</summary>
internal sealed class NtfsStream
{
    private readonly IBlockReader _volume;
    private readonly int _clusterSizeBytes;
    private readonly ReadOnlyMemory<byte> _resident;

    public NtfsStream(IBlockReader volume, int clusterSizeBytes, ReadOnlyMemory<byte> resident)
    {
        _volume = volume;
        _clusterSizeBytes = clusterSizeBytes;
        _resident = resident;
        IsResident = true;
        Runs = [];
        DataSizeBytes = resident.Length;
        InitializedSizeBytes = resident.Length;
    }

    /// <param name="volume">Where the runs lie.</param>
    /// <param name="clusterSizeBytes">The unit of the runs.</param>
    /// <param name="first">The extent that begins the stream: it holds the sizes.</param>
    /// <param name="runs">Without gaps from the stream's begin.</param>
    /// <param name="isPartial">Only the begin of the runs is known yet: the stream ends there.</param>
    /// <exception cref="FileSystemFormatException">The sizes do not fit the runs.</exception>
    public NtfsStream(IBlockReader volume, int clusterSizeBytes, NtfsAttribute first, IReadOnlyList<NtfsRun> runs, bool isPartial = false)
    {
        _volume = volume;
        _clusterSizeBytes = clusterSizeBytes;
        Runs = runs;
        long mappedBytes = runs.Count == 0 ? 0 : runs[runs.Count - 1].EndVcn * clusterSizeBytes;
        DataSizeBytes = isPartial ? Math.Min(mappedBytes, first.DataSizeBytes) : first.DataSizeBytes;
        InitializedSizeBytes = isPartial ? Math.Min(mappedBytes, first.InitializedSizeBytes) : first.InitializedSizeBytes;
        IsTransformed = first.IsTransformed;
        IsEncrypted = first.IsEncrypted;
        CompressionUnitShift = first.IsCompressed ? first.CompressionUnitShift : 0;
        if (InitializedSizeBytes > DataSizeBytes || DataSizeBytes > mappedBytes)
            throw new FileSystemFormatException("NTFS: a stream is longer than its runs");
    }

    public bool IsResident { get; }
    public bool IsTransformed { get; }
    public bool IsEncrypted { get; }

    /// <summary>As <see cref="NtfsAttribute.CompressionUnitShift"/>.</summary>
    public int CompressionUnitShift { get; }

    public long DataSizeBytes { get; }
    public long InitializedSizeBytes { get; }
    public IReadOnlyList<NtfsRun> Runs { get; }

    /// <summary>The bytes of a resident stream; empty if it is not resident.</summary>
    public ReadOnlyMemory<byte> ReadResident() => _resident;

    /// <summary>Fills the buffer, which must lie inside the stream.</summary>
    /// <exception cref="FileSystemFormatException">It does not.</exception>
    public void Read(long offsetBytes, Span<byte> buffer)
    {
        if (offsetBytes < 0 || offsetBytes > DataSizeBytes - buffer.Length)
            throw new FileSystemFormatException("NTFS: a structure lies outside its stream");
        if (IsResident)
        {
            _resident.Span.Slice((int)offsetBytes, buffer.Length).CopyTo(buffer);
            return;
        }
        long validBytes = Math.Min(buffer.Length, Math.Max(0, InitializedSizeBytes - offsetBytes));
        buffer.Slice((int)validBytes).Clear();
        buffer = buffer.Slice(0, (int)validBytes);
        int index = buffer.Length == 0 ? 0 : RunAt(offsetBytes / _clusterSizeBytes);
        while (buffer.Length > 0)
        {
            NtfsRun run = Runs[index++];
            long insideBytes = offsetBytes - run.Vcn * _clusterSizeBytes;
            int length = (int)Math.Min(buffer.Length, run.ClusterCount * _clusterSizeBytes - insideBytes);
            if (run.IsHole)
                buffer.Slice(0, length).Clear();
            else
                _volume.ReadExact(run.Lcn * _clusterSizeBytes + insideBytes, buffer.Slice(0, length));
            buffer = buffer.Slice(length);
            offsetBytes += length;
        }
    }

    // Runs follow one another without gaps and cover the data size, so the run is there.
    private int RunAt(long vcn)
    {
        int low = 0;
        int high = Runs.Count - 1;
        while (low < high)
        {
            int middle = low + ((high - low + 1) >> 1);
            if (Runs[middle].Vcn <= vcn)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
