using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>exFAT 1.0: which clusters are in use, by the allocation bitmap that the root directory names.</summary>
/// <remarks>
/// exFAT has no journal and its own count is a percentage that drivers round as they like. So the map is held
/// against the directory tree: every cluster of every file must be marked used. That also settles a volume that was
/// not closed cleanly. If the tree is larger than <see cref="MaxCheckedEntries"/> the rest is not walked, and the
/// volume must be clean and its percentage agree instead.
/// </remarks>
internal sealed partial class ExFatReader : IFileTreeReader
{
    private readonly bool _verifiesChecksums;

    public ExFatReader()
        : this(verifiesChecksums: true)
    {
    }

    /// <param name="verifiesChecksums">False only for fuzzing what lies behind the checksum.</param>
    internal ExFatReader(bool verifiesChecksums) => _verifiesChecksums = verifiesChecksums;

    /// <summary>How many files and directories are held against the bitmap.</summary>
    private const int MaxCheckedEntries = ExFatDirectory.MaxAllocationCount;

    /// <summary>A probe counts used clusters only up to this size of the bitmap.</summary>
    private const long MaxProbedBitmapBytes = 32 << 20;
    private static readonly ByteRange[] s_marks = [new(3, 8)];
    private const int BatchBytes = 4 << 20;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (!ExFatBootSector.IsNamed(volume))
            return null;
        var description = new FileSystemDescription { Type = "exfat", Marks = s_marks };
        try
        {
            if (ExFatBootSector.TryRead(volume, _verifiesChecksums) is not { } geometry)
                return description;
            description = description with
            {
                Version = geometry.Revision,
                Uuid = $"{geometry.SerialNumber >> 16:X4}-{geometry.SerialNumber & 0xFFFF:X4}",
                SizeBytes = geometry.SizeBytes,
                ClusterSizeBytes = geometry.ClusterSizeBytes,
                IsClean = !geometry.IsDirty,
            };
            var chain = new ExFatChain(volume, geometry, CancellationToken.None);
            ExFatDirectory root = ReadRoot(volume, geometry, chain, CancellationToken.None);
            description = description with { Label = root.Label };
            if (geometry.ClusterCount / 8 <= MaxProbedBitmapBytes)
            {
                long used = 0;
                ForEachBitmapPart(volume, geometry, BitmapRuns(geometry, root, chain), (_, count, bits) =>
                    used += count - UsedRangeBuilder.CountFree(bits, count), CancellationToken.None);
                description = description with { UsedBytes = used * geometry.ClusterSizeBytes };
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
        ExFatBootSector geometry = ExFatBootSector.TryRead(volume, _verifiesChecksums)
            ?? throw new FileSystemFormatException("exFAT: the boot region and its backup are damaged");
        if (geometry.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"exFAT: the file system has {geometry.SizeBytes} bytes, the volume only {volume.LengthBytes}");

        var chain = new ExFatChain(volume, geometry, cancellation);
        ExFatDirectory root = ReadRoot(volume, geometry, chain, cancellation);
        var builder = new UsedRangeBuilder(volume.LengthBytes, geometry.ClusterSizeBytes);
        long freeCount = 0;
        ForEachBitmapPart(volume, geometry, BitmapRuns(geometry, root, chain), (firstCluster, count, bits) =>
            freeCount += builder.FreeByBitmap(bits, geometry.HeapOffsetBytes + firstCluster * geometry.ClusterSizeBytes, count, geometry.ClusterSizeBytes), cancellation);

        UsedRangeMap map = builder.Build();
        RequireTreeUsed(new ExFatWalk(volume, geometry, chain, root), map, geometry.ClusterCount - freeCount, cancellation);
        var warnings = new List<string>();
        if (geometry.IsBackup)
            warnings.Add("exFAT: the main boot region is damaged, its backup was used.");
        if (builder.MinimumRunBytes > 0)
            warnings.Add($"exFAT: the free space is badly fragmented: free runs under {builder.MinimumRunBytes} bytes are stored too.");
        return map with { Warnings = warnings };
    }

    private static ExFatDirectory ReadRoot(IBlockReader volume, ExFatBootSector geometry, ExFatChain chain, CancellationToken cancellation) =>
        ExFatDirectory.Read(volume, geometry, RootRuns(geometry, chain), cancellation);

    private static List<ExFatRun> RootRuns(ExFatBootSector geometry, ExFatChain chain) =>
        chain.RunsToEnd(geometry.RootCluster, (uint)Math.Max(1, Math.Min(geometry.ClusterCount, ExFatDirectory.MaxLengthBytes / geometry.ClusterSizeBytes)));

    private static bool IsActiveBitmap(ExFatBootSector geometry, ExFatAllocation entry) =>
        entry.EntryType == ExFatDirectory.BitmapEntry && (entry.Flags & 1) == (geometry.IsSecondActive ? 1 : 0);

    private static List<ExFatRun> BitmapRuns(ExFatBootSector geometry, ExFatDirectory root, ExFatChain chain)
    {
        List<ExFatAllocation> bitmaps = root.Allocations.FindAll(entry => IsActiveBitmap(geometry, entry));
        if (bitmaps.Count != 1)
            throw new FileSystemFormatException($"exFAT: the root directory names {bitmaps.Count} allocation bitmaps, not one");
        ulong needed = (geometry.ClusterCount + 7UL) / 8;
        if (bitmaps[0].LengthBytes < needed)
            throw new FileSystemFormatException($"exFAT: the allocation bitmap has {bitmaps[0].LengthBytes} bytes, {needed} are needed");
        return chain.Runs(bitmaps[0].FirstCluster, bitmaps[0].LengthBytes, isContiguous: false);
    }

    private delegate void BitmapPart(long firstCluster, long clusterCount, ReadOnlySpan<byte> bits);

    private static void ForEachBitmapPart(
        IBlockReader volume, ExFatBootSector geometry, List<ExFatRun> runs, BitmapPart receive, CancellationToken cancellation)
    {
        long cluster = 0;
        var batch = new byte[Math.Min(BatchBytes, ((geometry.ClusterCount + 7L) / 8 + 7) / 8 * 8)];
        foreach (ExFatRun run in runs)
        {
            long offset = geometry.ClusterOffsetBytes(run.FirstCluster);
            long end = offset + (long)run.ClusterCount * geometry.ClusterSizeBytes;
            while (offset < end && cluster < geometry.ClusterCount)
            {
                cancellation.ThrowIfCancellationRequested();
                int length = (int)Math.Min(batch.Length, end - offset);
                volume.ReadExact(offset, batch.AsSpan(0, length));
                long count = Math.Min(length * 8L, geometry.ClusterCount - cluster);
                receive(cluster, count, batch.AsSpan(0, length));
                cluster += count;
                offset += length;
            }
        }
    }

    /// <summary>Where the tree of directories lies.</summary>
    private sealed record ExFatWalk(IBlockReader Volume, ExFatBootSector Geometry, ExFatChain Chain, ExFatDirectory Root);

    private static void RequireTreeUsed(ExFatWalk tree, UsedRangeMap map, long usedCount, CancellationToken cancellation)
    {
        (IBlockReader volume, ExFatBootSector geometry, ExFatChain chain, ExFatDirectory root) = tree;
        // A healthy tree has each cluster once; more of them than there are used ones means crossed chains or a circle.
        long unseenCount = usedCount;
        void Require(List<ExFatRun> runs)
        {
            foreach (ExFatRun run in runs)
            {
                unseenCount -= run.ClusterCount;
                var range = new ByteRange(geometry.ClusterOffsetBytes(run.FirstCluster), (long)run.ClusterCount * geometry.ClusterSizeBytes);
                if (unseenCount < 0 || !map.Covers(range))
                    throw new FileSystemFormatException($"exFAT: the bitmap calls clusters of a file free (from cluster {run.FirstCluster})");
            }
        }

        Require(RootRuns(geometry, chain));
        var pending = new Stack<List<ExFatRun>>();
        int checkedCount = 0;
        for (ExFatDirectory? directory = root; directory is not null;
            directory = pending.Count > 0 ? ExFatDirectory.Read(volume, geometry, pending.Pop(), cancellation) : null)
        {
            foreach (ExFatAllocation entry in directory.Allocations)
            {
                cancellation.ThrowIfCancellationRequested();
                if (++checkedCount > MaxCheckedEntries)
                {
                    RequirePercentage(geometry, usedCount);
                    return;
                }
                if (entry.EntryType == ExFatDirectory.BitmapEntry && !IsActiveBitmap(geometry, entry))
                    continue; // Its chain is in the other table.
                List<ExFatRun> runs = chain.Runs(entry.FirstCluster, entry.LengthBytes, entry.IsContiguous);
                Require(runs);
                if (entry.IsDirectory && entry.LengthBytes <= ExFatDirectory.MaxLengthBytes)
                    pending.Push(runs);
            }
        }
    }

    private static void RequirePercentage(ExFatBootSector geometry, long usedCount)
    {
        if (geometry.IsDirty)
            throw new FileSystemFormatException("exFAT: the volume was not closed cleanly and has too many files to hold its map against them");
        long percent = usedCount * 100 / geometry.ClusterCount;
        if (geometry.PercentInUse is not { } claimed || Math.Abs(percent - claimed) > 1)
            throw new FileSystemFormatException($"exFAT: {percent} % are used by the bitmap, {geometry.PercentInUse?.ToString(CultureInfo.InvariantCulture) ?? "an unknown share"} by the boot sector");
    }
}
