using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>Clusters of a stream that lie together: <see cref="Lcn"/> on the volume, or -1 for a hole.</summary>
internal readonly record struct NtfsRun(long Vcn, long Lcn, long ClusterCount)
{
    public bool IsHole => Lcn < 0;
    public long EndVcn => Vcn + ClusterCount;
}

/// <summary>Decodes mapping pairs: a length, and a start relative to the run before.</summary>
internal static class NtfsRunList
{
    /// <summary>24 MiB of runs: far beyond what a stream that the driver can still open has.</summary>
    public const int MaxRunCount = 1 << 20;

    /// <summary>Appends an extent's runs. They follow what the list holds without a gap.</summary>
    /// <exception cref="FileSystemFormatException">Out of the volume, out of order, or too many.</exception>
    public static void Append(List<NtfsRun> runs, NtfsAttribute extent, NtfsBootSector geometry)
    {
        long vcn = runs.Count == 0 ? 0 : runs[runs.Count - 1].EndVcn;
        if (extent.LowestVcn != vcn)
            throw new FileSystemFormatException($"NTFS: an extent begins at cluster {extent.LowestVcn} of its stream, not at {vcn}");

        ReadOnlySpan<byte> pairs = extent.MappingPairs;
        long lcn = 0;
        int position = 0;
        while (position < pairs.Length && pairs[position] != 0)
        {
            int lengthSize = pairs[position] & 0xF;
            int offsetSize = pairs[position] >> 4;
            position++;
            if (lengthSize is 0 or > 8 || offsetSize > 8 || position + lengthSize + offsetSize > pairs.Length)
                throw new FileSystemFormatException("NTFS: a run is encoded wrongly");
            long count = SignedValue(pairs.Slice(position, lengthSize));
            position += lengthSize;
            if (count <= 0 || count > long.MaxValue / geometry.ClusterSizeBytes - vcn)
                throw new FileSystemFormatException("NTFS: a run has a bad length");
            bool isHole = offsetSize == 0;
            if (!isHole)
            {
                lcn = unchecked(lcn + SignedValue(pairs.Slice(position, offsetSize)));
                position += offsetSize;
                if (lcn < 0 || lcn > geometry.ClusterCount - count)
                    throw new FileSystemFormatException("NTFS: a run lies outside the volume");
            }
            if (runs.Count >= MaxRunCount)
                throw new FileSystemFormatException("NTFS: a stream has too many runs");
            runs.Add(new NtfsRun(vcn, isHole ? -1 : lcn, count));
            vcn += count;
        }
        if (extent.HighestVcn != vcn - 1)
            throw new FileSystemFormatException("NTFS: an extent's runs do not add up to its length");
    }

    private static long SignedValue(ReadOnlySpan<byte> bytes)
    {
        long value = (sbyte)bytes[bytes.Length - 1];
        for (int i = bytes.Length - 2; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return value;
    }
}
