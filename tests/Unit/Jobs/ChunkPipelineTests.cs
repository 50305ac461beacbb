using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Jobs;
using Xunit;

namespace ImageBackup.Tests.Unit.Jobs;

public sealed class ChunkPipelineTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    [InlineData(4, 1)]
    [InlineData(4, 10)]
    public void Every_item_is_worked_on_once(int workerCount, int bufferCount)
    {
        var done = new ConcurrentBag<int>();
        var workers = new ConcurrentBag<Worker>();
        int next = 0;
        new ChunkPipeline<int>(workerCount, 8, bufferCount).Run(buffer =>
        {
            if (next == 500)
                return null;
            BitConverter.TryWriteBytes(buffer, next);
            return next++;
        }, () => Add(workers, new Worker((item, buffer) =>
        {
            Assert.Equal(item, BitConverter.ToInt32(buffer));
            done.Add(item);
        })), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 500), done.Order());
        Assert.Equal(workerCount, workers.Count);
        Assert.All(workers, w => Assert.Equal((1, 1), (w.FinishCount, w.DisposeCount)));
    }

    [Fact]
    public void A_worker_takes_what_waits_up_to_a_batch()
    {
        using var allWait = new ManualResetEventSlim();
        var workers = new ConcurrentBag<Worker>();
        var done = new List<int>();
        int next = 0;
        new ChunkPipeline<int>(1, 8, bufferCount: 8, batchCount: 5).Run(_ =>
        {
            // The first item is taken alone, and held until more than a batch waits.
            if (next == 7)
                allWait.Set();
            return next == 30 ? null : next++;
        }, () => Add(workers, new Worker((item, _) =>
        {
            if (item == 0)
                allWait.Wait();
            done.Add(item);
        })), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 30), done);
        Assert.Equal(5, workers.Single().LongestBatch);
    }

    [Theory]
    [InlineData(1, 64 << 10)]
    [InlineData(2, 1 << 20)]
    [InlineData(2, 2 << 20)]
    [InlineData(2, 4 << 20)]
    [InlineData(64, 1 << 20)]
    [InlineData(3, 0)]
    public void Its_buffers_are_bounded(int workerCount, int chunkBytes)
    {
        int next = 0, under = 0, most = 0;
        ChunkPipeline<int>.For(workerCount, chunkBytes).Run(buffer =>
        {
            Assert.Equal(chunkBytes, buffer.Length);
            most = Math.Max(most, Interlocked.Increment(ref under));
            return next == 300 ? null : next++;
        }, () => new Worker((_, _) => Interlocked.Decrement(ref under)), CancellationToken.None);
        // Two are in the hands of their worker after they have been counted as done, at most; the last one is not worked on.
        Assert.InRange((long)(most - 1) * chunkBytes, 0, Math.Max(256L << 20, (2L * workerCount + 2) * chunkBytes));
    }

    [Fact]
    public void Buffers_bound_what_is_under_way()
    {
        int under = 0, most = 0, next = 0;
        var seen = new HashSet<byte[]>();
        new ChunkPipeline<int>(2, 8, 5).Run(buffer =>
        {
            seen.Add(buffer);
            most = Math.Max(most, Interlocked.Increment(ref under));
            return next == 200 ? null : next++;
        }, () => new Worker((_, _) =>
        {
            Thread.Yield();
            Interlocked.Decrement(ref under);
        }), CancellationToken.None);
        Assert.InRange(most, 1, 5 + 2);
        Assert.InRange(seen.Count, 1, 5);
    }

    [Theory]
    [InlineData("produce")]
    [InlineData("create")]
    [InlineData("process")]
    [InlineData("finish")]
    public void The_first_failure_ends_it_and_every_worker_is_disposed(string where)
    {
        var workers = new ConcurrentBag<Worker>();
        int next = 0;
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new ChunkPipeline<int>(3, 8, 8).Run(
            _ => where == "produce" && next == 50 ? throw new InvalidOperationException(where) : next == 1000 ? null : next++,
            () => where == "create" && !workers.IsEmpty ? throw new InvalidOperationException(where) : Add(workers, new Worker((item, _) =>
            {
                if (where == "process" && item == 50)
                    throw new InvalidOperationException(where);
            })
            { FailsToFinish = where == "finish" }), CancellationToken.None));
        Assert.Equal(where, e.Message);
        Assert.All(workers, w => Assert.Equal(1, w.DisposeCount));
        if (where != "finish")
            Assert.All(workers, w => Assert.Equal(0, w.FinishCount));
    }

    [Fact]
    public void Cancelling_wakes_a_producer_that_waits_for_a_buffer()
    {
        using var source = new CancellationTokenSource();
        using var stuck = new ManualResetEventSlim();
        var workers = new ConcurrentBag<Worker>();
        int next = 0;
        using Timer timer = new(_ =>
        {
            source.Cancel();
            stuck.Set();
        }, null, 100, Timeout.Infinite);
        Assert.Throws<OperationCanceledException>(() => new ChunkPipeline<int>(1, 8, 2).Run(_ => next++, () => Add(workers, new Worker((_, _) => stuck.Wait())), source.Token));
        Assert.InRange(next, 1, 4);
        Assert.Equal((0, 1), (workers.Single().FinishCount, workers.Single().DisposeCount));
    }

    private static Worker Add(ConcurrentBag<Worker> workers, Worker worker)
    {
        workers.Add(worker);
        return worker;
    }

    private sealed class Worker(Action<int, byte[]> process) : ChunkPipeline<int>.IWorker
    {
        public bool FailsToFinish { get; init; }
        public int FinishCount { get; private set; }
        public int DisposeCount { get; private set; }

        public int LongestBatch { get; private set; }

        public void Process(ReadOnlySpan<ChunkPipeline<int>.Filled> batch)
        {
            LongestBatch = Math.Max(LongestBatch, batch.Length);
            foreach ((int item, byte[] buffer) in batch)
                process(item, buffer);
        }

        public void Finish()
        {
            FinishCount++;
            if (FailsToFinish)
                throw new InvalidOperationException("finish");
        }

        public void Dispose() => DisposeCount++;
    }
}
