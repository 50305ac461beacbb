using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository.Blobs;
using Xunit;

namespace ImageBackup.Tests.Unit.Pipeline;

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
        new ChunkPipeline<int>(workerCount, 8, bufferCount).Run(() => next == 500 ? null : next++, (item, buffer) => BitConverter.TryWriteBytes(buffer, item), release => Add(workers, new Worker((item, buffer) =>
        {
            Assert.Equal(item, BitConverter.ToInt32(buffer));
            done.Add(item);
        }, release)), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 500), done.Order());
        Assert.Equal(workerCount, workers.Count);
        Assert.All(workers, w => Assert.Equal((1, 1), (w.FinishCount, w.DisposeCount)));
    }

    /// <summary>What a worker keeps is done when no more comes: it never waits with all the buffers for a producer that has none.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    [InlineData(3, 5)]
    public void What_is_kept_is_drained(int workerCount, int bufferCount)
    {
        var workers = new ConcurrentBag<Worker>();
        var done = new ConcurrentBag<int>();
        int next = 0;
        new ChunkPipeline<int>(workerCount, 8, bufferCount).Run(
            () => next == 40 ? null : next++, (_, _) => { },
            release => Add(workers, new Worker((item, _) => done.Add(item), release) { Keeps = true }), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 40), done.Order());
        Assert.All(workers, w => Assert.InRange(w.MostKept, 0, bufferCount));
        Assert.Equal(40, workers.Sum(w => w.DrainedCount));
    }

    [Theory]
    [InlineData(1, 64 << 10)]
    [InlineData(2, 1 << 20)]
    [InlineData(2, 4 << 20)]
    [InlineData(2, 16 << 20)]
    [InlineData(64, 1 << 20)]
    [InlineData(3, 0)]
    public void Its_buffers_are_bounded(int workerCount, int chunkBytes)
    {
        int next = 0;
        var seen = new HashSet<byte[]>();
        ChunkPipeline<int>.For(workerCount, chunkBytes, out int batchCount).Run(() => next == 300 ? null : next++, (_, buffer) =>
        {
            Assert.Equal(chunkBytes, buffer.Length);
            lock (seen)
                seen.Add(buffer);
        }, release => new Worker((_, _) => { }, release), CancellationToken.None);
        Assert.InRange((long)seen.Count * chunkBytes, 0, Math.Max(96L << 20, (2L * workerCount + 2) * chunkBytes));
        Assert.True(batchCount == 1 || batchCount >= BlobHasher.BatchWorthCount && batchCount <= BlobHasher.BatchCount);
    }

    [Fact]
    public void Buffers_bound_what_is_under_way()
    {
        int under = 0, most = 0, next = 0;
        var seen = new HashSet<byte[]>();
        new ChunkPipeline<int>(2, 8, 5).Run(() => next == 200 ? null : next++, (_, buffer) =>
        {
            lock (seen)
            {
                seen.Add(buffer);
                most = Math.Max(most, Interlocked.Increment(ref under));
            }
        }, release => new Worker((_, _) =>
        {
            Thread.Yield();
            Interlocked.Decrement(ref under);
        }, release), CancellationToken.None);
        Assert.InRange(most, 1, 5 + 2);
        Assert.InRange(seen.Count, 1, 5);
    }

    /// <summary>With one buffer one side always waits for the other.</summary>
    [Fact]
    public void It_says_who_waited()
    {
        int next = 0;
        var pipeline = new ChunkPipeline<int>(1, 8, 1);
        pipeline.Run(() => next == 20 ? null : next++, (_, _) => Thread.Sleep(1), release => new Worker((_, _) => Thread.Sleep(1), release), CancellationToken.None);
        Assert.True(pipeline.WorkerWait > TimeSpan.Zero && pipeline.FillerWait > TimeSpan.Zero, $"{pipeline.WorkerWait}, {pipeline.FillerWait}");
    }

    /// <summary>A worker that reads for itself, because nothing has been read, waits for the disk all the same.</summary>
    [Fact]
    public void What_workers_read_themselves_is_waited_for()
    {
        int next = 0, own = 0;
        var pipeline = new ChunkPipeline<int>(2, 8, 5);
        pipeline.Run(() => next == 40 ? null : next++, (_, _) =>
        {
            // Not less: the clock of a sleep is coarse.
            Thread.Sleep(6);
            if (Thread.CurrentThread.Name is { } name && name.StartsWith("ImageBackup worker", StringComparison.Ordinal))
                Interlocked.Increment(ref own);
        }, release => new Worker((_, _) => { }, release), CancellationToken.None);
        Assert.True(own > 0);
        Assert.True(pipeline.WorkerWait >= TimeSpan.FromMilliseconds(5 * own), $"{own} reads, {pipeline.WorkerWait}");
    }

    /// <summary>As many reads are under way as the source likes, begun in order; and one that fails ends all.</summary>
    [Theory]
    [InlineData(1, 6, 4)]
    [InlineData(2, 24, 4)]
    [InlineData(2, 1, 4)]
    public void Several_threads_fill_ahead(int workerCount, int bufferCount, int fillerCount)
    {
        int next = 0, under = 0, most = 0;
        var done = new ConcurrentBag<int>();
        using var all = new ManualResetEventSlim();
        int together = Math.Min(bufferCount, fillerCount);
        new ChunkPipeline<int>(workerCount, 8, bufferCount, fillerCount).Run(() => next == 300 ? null : next++, (item, buffer) =>
        {
            int now = Interlocked.Increment(ref under);
            lock (all)
                most = Math.Max(most, now);
            if (now >= together)
                all.Set();
            // The first ones wait for each other: they are under way at once, or never will be.
            if (item < together)
                Assert.True(all.Wait(TimeSpan.FromSeconds(30)));
            BitConverter.TryWriteBytes(buffer, item);
            Interlocked.Decrement(ref under);
        }, release => new Worker((item, buffer) =>
        {
            Assert.Equal(item, BitConverter.ToInt32(buffer));
            done.Add(item);
        }, release)
        { Keeps = bufferCount > 8 }, CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 300), done.Order());
        Assert.InRange(most, together, fillerCount + workerCount);

        next = 0;
        Assert.Throws<InvalidOperationException>(() => new ChunkPipeline<int>(workerCount, 8, bufferCount, fillerCount).Run(
            () => next++, (item, _) =>
            {
                if (item == 20)
                    throw new InvalidOperationException("fill");
            }, release => new Worker((_, _) => { }, release), CancellationToken.None));
    }

    /// <summary>All workers are at work until all reads that the source likes are under way at once: none waits for a worker to be done.</summary>
    [Fact]
    public void Reads_are_under_way_while_every_worker_works()
    {
        const int workerCount = 2, fillerCount = 4;
        int next = 0, under = 0, working = 0;
        using var allWork = new ManualResetEventSlim();
        using var allRead = new ManualResetEventSlim();
        ChunkPipeline<int>.For(workerCount, 1 << 20, out _, fillerCount).Run(() => next == 100 ? null : next++, (item, _) =>
        {
            // The first items keep the workers busy, the next ones are read meanwhile. A worker that reads for itself does not wait.
            if (item < workerCount || Thread.CurrentThread.Name?.StartsWith("ImageBackup worker", StringComparison.Ordinal) == true)
                return;
            Assert.True(allWork.Wait(TimeSpan.FromSeconds(30)));
            if (Interlocked.Increment(ref under) == fillerCount)
                allRead.Set();
            Assert.True(allRead.Wait(TimeSpan.FromSeconds(30)));
        }, release => new Worker((_, _) =>
        {
            if (Interlocked.Increment(ref working) == workerCount)
                allWork.Set();
            Assert.True(allRead.Wait(TimeSpan.FromSeconds(30)));
        }, release), CancellationToken.None);
        Assert.True(allRead.IsSet);
    }

    [Theory]
    [InlineData("next")]
    [InlineData("fill")]
    [InlineData("create")]
    [InlineData("process")]
    [InlineData("finish")]
    public void The_first_failure_ends_it_and_every_worker_is_disposed(string where)
    {
        var workers = new ConcurrentBag<Worker>();
        int next = 0;
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new ChunkPipeline<int>(3, 8, 8).Run(
            // Without an end: a worker that is made late must not find that the first one has done all.
            () => where == "next" && next == 50 ? throw new InvalidOperationException(where) : next == 1000 && where == "finish" ? null : next++,
            (item, _) =>
            {
                if (where == "fill" && item == 50)
                    throw new InvalidOperationException(where);
            },
            release => where == "create" && !workers.IsEmpty ? throw new InvalidOperationException(where) : Add(workers, new Worker((item, _) =>
            {
                if (where == "process" && item == 50)
                    throw new InvalidOperationException(where);
            }, release)
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
        Assert.Throws<OperationCanceledException>(() => new ChunkPipeline<int>(1, 8, 2).Run(() => next++, (_, _) => { }, release => Add(workers, new Worker((_, _) => stuck.Wait(), release)), source.Token));
        Assert.InRange(next, 1, 4);
        Assert.Equal((0, 1), (workers.Single().FinishCount, workers.Single().DisposeCount));
    }

    private static Worker Add(ConcurrentBag<Worker> workers, Worker worker)
    {
        workers.Add(worker);
        return worker;
    }

    private sealed class Worker(Action<int, byte[]> process, Action<byte[]> release) : ChunkPipeline<int>.IWorker
    {
        private readonly List<byte[]> _kept = [];

        /// <summary>Whether it gives buffers back in <see cref="Drain"/> only.</summary>
        public bool Keeps { get; init; }
        public bool FailsToFinish { get; init; }
        public int MostKept { get; private set; }
        public int DrainedCount { get; private set; }
        public int FinishCount { get; private set; }
        public int DisposeCount { get; private set; }

        public void Process(int item, byte[] buffer)
        {
            process(item, buffer);
            _kept.Add(buffer);
            MostKept = Math.Max(MostKept, _kept.Count);
            if (!Keeps)
                Drain();
        }

        public void Drain()
        {
            DrainedCount += _kept.Count;
            _kept.ForEach(release);
            _kept.Clear();
        }

        public void Finish()
        {
            Assert.Empty(_kept);
            FinishCount++;
            if (FailsToFinish)
                throw new InvalidOperationException("finish");
        }

        public void Dispose() => DisposeCount++;
    }
}
