using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using ImageBackup.Engine.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>
/// Feeds a reader with damaged copies of a real volume. It may refuse with its documented exception or give a
/// well-formed map, in bounded time and memory; anything else fails, with the seed number that repeats it.
/// </summary>
/// <param name="reader">The reader under test.</param>
/// <param name="seed">The volume.</param>
/// <param name="repair">Puts checksums right after a mutation, so that the damage is looked at behind them.</param>
public sealed class ReaderFuzzer(IFileSystemReader reader, byte[] seed, Action<PatchedVolume, Random>? repair = null)
{
    private const int BlockBytes = 64;
    private const long MaxAllocatedBytes = 400 << 20;
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(10);
    private readonly List<int> _blocks = FindContent(seed);

    public long RunCount { get; private set; }
    public long MapCount { get; private set; }
    public long RefusalCount { get; private set; }

    /// <summary>Runs until the time is up.</summary>
    /// <param name="duration">How long.</param>
    /// <param name="firstRun">The number of the first run; a run's number alone decides what it does.</param>
    public void Run(TimeSpan duration, int firstRun = 0)
    {
        var watch = Stopwatch.StartNew();
        for (int run = firstRun; watch.Elapsed < duration; run++)
            RunOne(run);
    }

    public void RunOne(int run)
    {
        var random = new Random(run);
        using var volume = new PatchedVolume(seed);
        int mutationCount = 1 << random.Next(5);
        for (int i = 0; i < mutationCount; i++)
            Mutate(volume, random);
        if (random.Next(16) == 0)
            volume.LengthBytes = random.NextInt64(seed.Length + (seed.Length / 4));
        if (random.Next(4) != 0)
            repair?.Invoke(volume, random);

        RunCount++;
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        using var limit = new CancellationTokenSource(2 * s_maxTime);
        try
        {
            Call(volume, limit.Token);
        }
        catch (Exception failure) when (failure is not FileSystemFormatException)
        {
            throw new InvalidOperationException($"run {run} broke the contract: {volume}", failure);
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        Assert.True(watch.Elapsed < s_maxTime, $"run {run} took {watch.Elapsed}: {volume}");
        Assert.True(allocated < MaxAllocatedBytes, $"run {run} allocated {allocated} bytes: {volume}");
    }

    private void Call(PatchedVolume volume, CancellationToken cancellation)
    {
        // Never an exception from a probe.
        try
        {
            reader.Probe(volume);
        }
        catch (FileSystemFormatException refusal)
        {
            throw new InvalidOperationException("the probe threw", refusal);
        }
        try
        {
            UsedRangeProof.AssertShape(reader.ReadUsedRanges(volume, cancellation), volume.LengthBytes);
            MapCount++;
        }
        catch (FileSystemFormatException)
        {
            RefusalCount++;
        }
        if (reader is not ILeftOutFiles leftOut)
            return;
        try
        {
            foreach (LeftOutFile file in leftOut.FindLeftOutFiles(volume, isFlushed: true, cancellation))
            {
                UsedRangeProof.AssertShape(
                    new UsedRangeMap { Ranges = UsedRangeProof.Joined(file.Ranges), ClusterSizeBytes = 1, UsedBytes = UsedRangeProof.Sum(file.Ranges) },
                    volume.LengthBytes);
            }
        }
        catch (FileSystemFormatException)
        {
        }
    }

    private void Mutate(PatchedVolume volume, Random random)
    {
        // Mostly where the volume holds something; zeros that nobody reads tell little.
        long offset = random.Next(10) == 0 ? random.Next(seed.Length) : _blocks[random.Next(_blocks.Count)] + random.Next(BlockBytes);
        offset = Math.Min(offset, seed.Length - 8);
        byte old = volume.Read(offset, 1)[0];
        var wide = new byte[8];
        switch (random.Next(7))
        {
            case 0:
                volume.Patch(offset, (byte)(old ^ 1 << random.Next(8)));
                break;
            case 1:
                volume.Patch(offset, (byte)random.Next(256));
                break;
            case 2:
                volume.Patch(offset, random.Next(3) switch { 0 => 0, 1 => 0xFF, _ => 0x7F });
                break;
            case 3:
                volume.Patch(offset, (byte)(old + random.Next(-2, 3)));
                break;
            case 4:
                BinaryPrimitives.WriteInt64LittleEndian(wide, random.Next(4) switch { 0 => -1, 1 => long.MaxValue, 2 => 0, _ => random.NextInt64(1L << random.Next(1, 62)) });
                volume.Patch(offset & ~1L, wide[..(1 << random.Next(1, 4))]);
                break;
            case 5:
                volume.Patch(offset, volume.Read(_blocks[random.Next(_blocks.Count)], random.Next(1, BlockBytes)));
                break;
            default:
                volume.Patch(offset, new byte[random.Next(1, BlockBytes)]);
                break;
        }
    }

    private static List<int> FindContent(byte[] seed)
    {
        var blocks = new List<int>();
        for (int i = 0; i + BlockBytes <= seed.Length; i += BlockBytes)
        {
            // Neither zeros nor other filling: that is file content or an erased journal.
            ReadOnlySpan<byte> block = seed.AsSpan(i, BlockBytes);
            if (block.IndexOfAnyExcept(block[0]) >= 0)
                blocks.Add(i);
        }
        return blocks;
    }
}
