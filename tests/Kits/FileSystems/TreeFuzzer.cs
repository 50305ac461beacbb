using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Walks the tree of mutated seeds, and asks of each entry all that can be asked.</summary>
internal sealed class TreeFuzzer(IFileTreeReader reader, SeedVolume seed)
{
    private const int MaxEntries = 1000;
    private const int MaxReadBytes = 20_000;
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(20);
    private const long MaxAllocatedBytes = 900L << 20;

    /// <summary>Entries that were seen in all runs, and calls that were refused: shows that the mutations do not all die at the first check.</summary>
    public long EntryCount { get; private set; }
    public long RefusedCount { get; private set; }
    public TimeSpan LongestRun { get; private set; }
    public long LargestAllocationBytes { get; private set; }

    /// <summary>One run. The number gives the same mutations again.</summary>
    /// <exception cref="InvalidDataException">The tree broke its contract; says how, and with which number.</exception>
    public void Run(int number)
    {
        using var volume = new MutatedVolume(seed, number);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        try
        {
            Walk(volume);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidDataException($"run {number}: {e}", e);
        }
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        LongestRun = elapsed > LongestRun ? elapsed : LongestRun;
        LargestAllocationBytes = Math.Max(LargestAllocationBytes, GC.GetAllocatedBytesForCurrentThread() - before);
        if (elapsed > s_maxTime)
            throw new InvalidDataException($"run {number}: took {elapsed}, {volume.ReadBytes} bytes read");
        if (GC.GetAllocatedBytesForCurrentThread() - before > MaxAllocatedBytes)
            throw new InvalidDataException($"run {number}: allocated {GC.GetAllocatedBytesForCurrentThread() - before} bytes");
    }

    /// <summary>For making a seed: what a walk reads of a volume.</summary>
    public static SeedVolume Capture(IFileTreeReader reader, IBlockReader volume) =>
        SeedVolume.Capture(volume, recorded => new TreeFuzzer(reader, new SeedVolume(0)).Walk(recorded));

    private void Walk(IBlockReader volume)
    {
        IFileTree? tree = null;
        Try(() => tree = reader.OpenTree(volume, CancellationToken.None));
        if (tree is null)
            return;
        var pending = new Queue<FileTreeEntry>();
        pending.Enqueue(tree.Root);
        for (int left = MaxEntries; left > 0 && pending.Count > 0;)
        {
            FileTreeEntry directory = pending.Dequeue();
            Try(() =>
            {
                foreach (FileTreeEntry entry in tree.List(directory, CancellationToken.None))
                {
                    if (left-- <= 0)
                        return;
                    EntryCount++;
                    Ask(tree, directory, entry);
                    if (entry.Kind == FileTreeKind.Directory)
                        pending.Enqueue(entry);
                }
            });
        }
    }

    private void Ask(IFileTree tree, FileTreeEntry directory, FileTreeEntry entry)
    {
        Try(() => tree.Find(directory, entry.Name, CancellationToken.None));
        Try(() => tree.ListExtendedAttributes(entry));
        Try(() => tree.ReadLink(entry));
        Try(() => Read(tree.OpenData(entry)));
        Try(() =>
        {
            foreach (FileTreeStream stream in tree.ListStreams(entry))
                Try(() => Read(tree.OpenData(entry, stream.Name)));
        });
    }

    private static void Read(ISparseBlockReader data)
    {
        using (data)
        {
            var buffer = new byte[(int)Math.Min(MaxReadBytes, data.LengthBytes)];
            data.ReadAt(0, buffer);
            data.ReadAt(Math.Max(0, data.LengthBytes - 100), new byte[100]);
            long end = 0;
            for (int i = 0; i < 100 && data.NextData(end) is { } range; i++)
            {
                if (range.OffsetBytes < end || range.LengthBytes <= 0 || range.EndBytes > data.LengthBytes)
                    throw new InvalidDataException($"NextData({end}) of {data.LengthBytes} bytes gives {range}");
                end = range.EndBytes;
            }
            if (data is IStoredContent content)
                Require(content, data.LengthBytes);
        }
    }

    private static void Require(IStoredContent content, long lengthBytes)
    {
        long end = 0;
        int count = 0;
        foreach (StoredPiece piece in content.Pieces())
        {
            if (piece.LengthBytes <= 0 || piece.FileOffsetBytes < 0 || piece.Form == StoredPiece.Plain
                && (piece.FileOffsetBytes < end || piece.LengthBytes > lengthBytes - piece.FileOffsetBytes || piece.VolumeOffsetBytes < -1))
                throw new InvalidDataException($"{piece} of {lengthBytes} bytes, behind {end}");
            end = piece.FileOffsetBytes + piece.LengthBytes;
            if (++count == MaxEntries)
                return;
        }
    }

    private void Try(Action call)
    {
        try
        {
            call();
        }
        catch (FileSystemFormatException)
        {
            RefusedCount++;
        }
    }
}
