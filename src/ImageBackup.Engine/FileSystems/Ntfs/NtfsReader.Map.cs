using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <content>From $Bitmap to used ranges.</content>
internal sealed partial class NtfsReader
{
    private const int BatchBytes = 4 << 20;

    /// <summary>$MFT, $MFTMirr, $LogFile, $Volume, $AttrDef, the root, $Bitmap, $Boot, $BadClus, $Secure, $UpCase, $Extend.</summary>
    private const int SystemRecordCount = 12;

    /// <summary>Records from here on may be missing in volumes of NT 4.</summary>
    private const int FirstOptionalRecord = 9;

    private static UsedRangeMap ReadMap(NtfsVolume ntfs, IBlockReader volume, CancellationToken cancellation)
    {
        NtfsBootSector geometry = ntfs.Geometry;
        var builder = new UsedRangeBuilder(volume.LengthBytes, geometry.ClusterSizeBytes);
        ForEachBitmapPart(OpenBitmap(ntfs), geometry, (firstCluster, clusterCount, bits) =>
        {
            long offsetBytes = firstCluster * geometry.ClusterSizeBytes;
            if (bits.IsEmpty)
                builder.Free(offsetBytes, clusterCount * geometry.ClusterSizeBytes);
            else
                builder.FreeByBitmap(bits, offsetBytes, clusterCount, geometry.ClusterSizeBytes);
        }, cancellation);
        UsedRangeMap map = builder.Build();
        RequireSystemFilesUsed(ntfs, map, cancellation);

        var warnings = new List<string>();
        foreach (long number in ntfs.MirroredRecords)
            warnings.Add($"NTFS: record {number} of the master file table is damaged, its mirror was used: run chkdsk.");
        if (builder.MinimumRunBytes > 0)
            warnings.Add($"NTFS: the free space is badly fragmented: free runs under {builder.MinimumRunBytes} bytes are stored too.");
        return map with { Warnings = warnings };
    }

    private static NtfsStream OpenBitmap(NtfsVolume ntfs)
    {
        NtfsStream bitmap = ntfs.OpenStream(ntfs.ReadRecord(NtfsVolume.BitmapRecord), NtfsVolume.BitmapRecord, NtfsAttributeType.Data)
            ?? throw new FileSystemFormatException("NTFS: $Bitmap has no content");
        if (bitmap.IsTransformed)
            throw new FileSystemFormatException("NTFS: $Bitmap is compressed or encrypted");
        if (bitmap.DataSizeBytes < (ntfs.Geometry.ClusterCount + 7) / 8)
            throw new FileSystemFormatException($"NTFS: $Bitmap has {bitmap.DataSizeBytes} bytes, too few for {ntfs.Geometry.ClusterCount} clusters");
        return bitmap;
    }

    /// <summary>Receives a part of the bitmap; empty bits stand for a hole, all of whose clusters are free.</summary>
    private delegate void BitmapPart(long firstCluster, long clusterCount, ReadOnlySpan<byte> bits);

    // Bits after the last cluster are set by Windows and say nothing.
    private static void ForEachBitmapPart(NtfsStream bitmap, NtfsBootSector geometry, BitmapPart receive, CancellationToken cancellation)
    {
        long clusterCount = geometry.ClusterCount;
        long initializedClusters = Math.Min(clusterCount, bitmap.InitializedSizeBytes * 8);
        byte[]? buffer = null;
        if (bitmap.IsResident)
        {
            buffer = new byte[(int)bitmap.DataSizeBytes];
            bitmap.Read(0, buffer);
            receive(0, clusterCount, buffer);
            return;
        }
        foreach (NtfsRun run in bitmap.Runs)
        {
            cancellation.ThrowIfCancellationRequested();
            long offsetBytes = run.Vcn * geometry.ClusterSizeBytes;
            if (offsetBytes >= bitmap.InitializedSizeBytes)
                break;
            long endBytes = Math.Min(run.EndVcn * geometry.ClusterSizeBytes, bitmap.InitializedSizeBytes);
            if (run.IsHole)
            {
                receive(offsetBytes * 8, Math.Min(endBytes * 8, initializedClusters) - offsetBytes * 8, default);
                continue;
            }
            buffer ??= new byte[(int)Math.Min(BatchBytes, bitmap.InitializedSizeBytes)];
            while (offsetBytes < endBytes && offsetBytes * 8 < initializedClusters)
            {
                cancellation.ThrowIfCancellationRequested();
                int length = (int)Math.Min(buffer.Length, endBytes - offsetBytes);
                bitmap.Read(offsetBytes, buffer.AsSpan(0, length));
                long count = Math.Min(length * 8L, initializedClusters - offsetBytes * 8);
                receive(offsetBytes * 8, count, buffer.AsSpan(0, length));
                offsetBytes += length;
            }
        }
        if (initializedClusters < clusterCount)
            receive(initializedClusters, clusterCount - initializedClusters, default);
    }

    private static long CountUsedClusters(NtfsStream bitmap, NtfsBootSector geometry)
    {
        long used = 0;
        ForEachBitmapPart(bitmap, geometry, (_, clusterCount, bits) =>
        {
            if (!bits.IsEmpty)
                used += clusterCount - UsedRangeBuilder.CountFree(bits, clusterCount);
        }, CancellationToken.None);
        return used;
    }

    private static void RequireSystemFilesUsed(NtfsVolume ntfs, UsedRangeMap map, CancellationToken cancellation)
    {
        int clusterSize = ntfs.Geometry.ClusterSizeBytes;
        foreach ((long number, NtfsRun run) in SystemRuns(ntfs, cancellation))
        {
            if (!map.Covers(new ByteRange(run.Lcn * clusterSize, run.ClusterCount * clusterSize)))
                throw new FileSystemFormatException($"NTFS: $Bitmap calls clusters of the system file {number} free (cluster {run.Lcn})");
        }
    }

    /// <summary>All runs with clusters of the system files, with their file's record number.</summary>
    private static IEnumerable<(long Number, NtfsRun Run)> SystemRuns(NtfsVolume ntfs, CancellationToken cancellation)
    {
        int runCount = 0;
        for (long number = 0; number < SystemRecordCount; number++)
        {
            if (ntfs.FindRecord(number) is not { } record)
            {
                if (number >= FirstOptionalRecord)
                    continue;
                throw new FileSystemFormatException($"NTFS: the system file {number} is missing");
            }
            foreach (NtfsStream stream in ntfs.NonResidentStreams(record, number))
            {
                cancellation.ThrowIfCancellationRequested();
                runCount += stream.Runs.Count;
                if (runCount > 2 * NtfsRunList.MaxRunCount)
                    throw new FileSystemFormatException("NTFS: the system files have too many runs");
                foreach (NtfsRun run in stream.Runs)
                {
                    if (!run.IsHole)
                        yield return (number, run);
                }
            }
        }
    }
}
