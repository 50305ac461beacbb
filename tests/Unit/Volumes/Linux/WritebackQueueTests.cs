using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

/// <summary>What the flush at a restore's end waits for is under way before it, and the disk does not stop those who write.</summary>
public sealed class WritebackQueueTests
{
    private const long PieceBytes = 1 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Every_long_write_is_sent_on_and_rounds_are_waited_for_before_the_flush()
    {
        var begun = new List<(long, long)>();
        var recycledAt = new List<int>();
        using var queue = new WritebackQueue("target", (offset, length) => begun.Add((offset, length)), () => recycledAt.Add(begun.Count));
        (long, long)[] written = [.. Enumerable.Range(0, 70).Select(i => (i * 3 * PieceBytes, PieceBytes))];
        foreach ((long offset, long length) in written)
            queue.Note(offset, length);
        queue.AwaitSent();
        Assert.Equal(written, begun);
        Assert.Equal([32, 64], recycledAt);
    }

    /// <summary>Short ones may still grow together in the cache; they count for the rounds.</summary>
    [Fact]
    public void Short_writes_are_not_sent_on_one_by_one_and_count()
    {
        int begunCount = 0, recycledCount = 0;
        using var queue = new WritebackQueue("target", (_, _) => begunCount++, () => recycledCount++);
        for (int i = 0; i < 40 << 10; i++)
            queue.Note(i * 4096L, 1024);
        queue.AwaitSent();
        Assert.Equal((0, 1), (begunCount, recycledCount));
    }

    /// <summary>The disk does not end a round: who writes goes on until two rounds are ahead of it, and then waits.</summary>
    [Fact]
    public void A_disk_that_is_waited_for_stops_nobody_until_two_rounds_are_ahead()
    {
        using var isRecycling = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        using var queue = new WritebackQueue("target", (_, _) => { }, () =>
        {
            isRecycling.Set();
            Assert.True(mayEnd.Wait(s_patience));
        });
        long count = (WritebackQueue.LimitBytes / PieceBytes) - 1;
        for (long i = 0; i < count; i++)
            queue.Note(i * PieceBytes, PieceBytes);
        Assert.True(isRecycling.Wait(s_patience));
        var next = new Thread(() => queue.Note(count * PieceBytes, PieceBytes));
        next.Start();
        Assert.False(next.Join(50));
        mayEnd.Set();
        Assert.True(next.Join(s_patience));
    }

    [Fact]
    public void After_a_failure_nobody_waits()
    {
        int recycledCount = 0;
        using var queue = new WritebackQueue("target", (_, _) => { }, () =>
        {
            recycledCount++;
            throw new IOException("Scripted: bad sector.");
        });
        for (long i = 0; i < 200; i++)
            queue.Note(i * PieceBytes, PieceBytes);
        queue.AwaitSent();
        Assert.Equal(1, recycledCount);
    }
}
