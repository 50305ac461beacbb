using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Pipeline;

/// <summary>
/// A bounded pipeline of work items with reused buffers: the calling thread fills ahead, one worker thread a core works. A
/// worker that has nothing to do fills a buffer itself: what is fast to read would keep it waiting else. Memory is the
/// buffers, whatever the number of items. The first failure or a cancellation ends it; no thread is left running on any way
/// out.
/// </summary>
/// <param name="workerCount">Worker threads.</param>
/// <param name="bufferBytes">A buffer's length.</param>
/// <param name="bufferCount">Buffers.</param>
/// <param name="fillerCount">Threads that fill ahead, the calling one counted: as many as the source likes reads under way.</param>
internal sealed class ChunkPipeline<TItem>(int workerCount, int bufferBytes, int bufferCount, int fillerCount = 1)
    where TItem : struct
{
    /// <summary>The most memory of the buffers if several chunks are hashed at once.</summary>
    private const long BatchedBytes = 96L << 20;

    /// <summary>How long a worker that keeps items waits for more of them: longer than a chunk takes out of a cache.</summary>
    private const int PatienceMilliseconds = 2;

    /// <summary>Whether a worker that has nothing to do fills a buffer: not from a server, for what others have filled meanwhile would wait for the network with it.</summary>
    public bool WorkersFill { get; init; } = true;

    /// <summary>A worker's own state, disposed when it ends.</summary>
    public interface IWorker : IDisposable
    {
        /// <summary>
        /// Takes an item. Its buffer is the worker's until it gives it back: at once, or if it keeps the item for hashing it
        /// beside others, when it has as many as it wants or in <see cref="Drain"/>.
        /// </summary>
        void Process(TItem item, byte[] buffer);

        /// <summary>Does what is still to be done of the items that were kept: no other comes soon, or none at all.</summary>
        void Drain();

        /// <summary>Called once after the last item, on the worker's thread.</summary>
        void Finish();
    }

    /// <summary>
    /// A pipeline for chunks of at most so many bytes: buffers for as many as each worker wants to hash at once, and for as
    /// many that wait.
    /// </summary>
    /// <param name="workerCount">Worker threads.</param>
    /// <param name="chunkBytes">The longest chunk.</param>
    /// <param name="batchCount">How many chunks each worker may keep: one, or as <see cref="BlobHasher"/> likes it if memory allows.</param>
    /// <param name="fillerCount">Threads that fill ahead, the calling one counted.</param>
    public static ChunkPipeline<TItem> For(int workerCount, int chunkBytes, out int batchCount, int fillerCount = 1)
    {
        batchCount = (int)Math.Min(BlobHasher.BatchCount, BatchedBytes / ((workerCount + 1L) * Math.Max(1, chunkBytes)));
        if (batchCount < BlobHasher.BatchWorthCount)
            batchCount = 1;
        // One each at work, one each waiting, two for the producer; of many fillers each has one that is being filled.
        return new ChunkPipeline<TItem>(workerCount, chunkBytes, batchCount > 1 ? (workerCount + 1) * batchCount + fillerCount - 1 : 2 * workerCount + 1 + fillerCount, fillerCount);
    }

    private long _workerWaitTicks;
    private long _fillerWaitTicks;

    /// <summary>
    /// How long the workers waited for an item, or for what they read themselves meanwhile, all together: what is read is slower than
    /// they are.
    /// </summary>
    public TimeSpan WorkerWait => DurationOf(Interlocked.Read(ref _workerWaitTicks));

    /// <summary>How long the threads that fill ahead waited for a buffer, all together: the workers are slower than what is read.</summary>
    public TimeSpan FillerWait => DurationOf(Interlocked.Read(ref _fillerWaitTicks));

    private static TimeSpan DurationOf(long ticks) => TimeSpan.FromSeconds(ticks / (double)Stopwatch.Frequency);

    /// <summary>Runs to the end, and a worker is created with what takes a buffer back from it.</summary>
    /// <param name="next">The next item, or null at the end. One thread at a time, in order.</param>
    /// <param name="fill">
    /// Fills an item's buffer; any thread, and not in order if there are several workers or fillers. Null: nothing is to be filled, and
    /// the workers get the items in order.
    /// </param>
    /// <param name="createWorker">Makes a worker, on its thread.</param>
    /// <param name="cancellation">Ends it.</param>
    public void Run(Func<TItem?> next, Action<TItem, byte[]>? fill, Func<Action<byte[]>, IWorker> createWorker, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var filled = new BlockingCollection<(TItem Item, byte[] Buffer)>(bufferCount);
        // The last one given back comes first: it is in the processor's cache.
        using var free = new BlockingCollection<byte[]>(new ConcurrentStack<byte[]>());
        for (int i = 0; i < bufferCount; i++)
            free.Add(new byte[bufferBytes], CancellationToken.None);
        var failures = new ConcurrentQueue<ExceptionDispatchInfo>();
        var source = new Source(next, fill);
        Source? help = fill is not null && workerCount > 1 && WorkersFill ? source : null;

        Thread[] workers = Enumerable.Range(0, workerCount).Select(i => new Thread(() => Work(filled, free, help, createWorker, failures, stop))
        {
            IsBackground = true,
            Name = $"ImageBackup worker {i}",
        }).ToArray();
        foreach (Thread worker in workers)
            worker.Start();

        Thread[] fillers = Enumerable.Range(1, fillerCount - 1).Select(i => new Thread(() => Fill(source, filled, free, failures, stop))
        {
            IsBackground = true,
            Name = $"ImageBackup reader {i}",
        }).ToArray();
        foreach (Thread filler in fillers)
            filler.Start();
        Fill(source, filled, free, failures, stop);
        foreach (Thread filler in fillers)
            filler.Join();
        filled.CompleteAdding();
        foreach (Thread worker in workers)
            worker.Join();

        if (failures.TryDequeue(out ExceptionDispatchInfo? failure))
            failure.Throw();
        cancellation.ThrowIfCancellationRequested();
    }

    private void Fill(Source source, BlockingCollection<(TItem Item, byte[] Buffer)> filled, BlockingCollection<byte[]> free,
        ConcurrentQueue<ExceptionDispatchInfo> failures, CancellationTokenSource stop)
    {
        try
        {
            WorkPace.JoinThread();
            while (!source.IsEmpty)
            {
                if (!free.TryTake(out byte[]? buffer))
                {
                    long since = Stopwatch.GetTimestamp();
                    buffer = free.Take(stop.Token);
                    Interlocked.Add(ref _fillerWaitTicks, Stopwatch.GetTimestamp() - since);
                }
                if (source.Next(buffer) is not { } item)
                {
                    free.Add(buffer, CancellationToken.None);
                    break;
                }
                filled.Add((item, buffer), stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            failures.Enqueue(ExceptionDispatchInfo.Capture(e));
            stop.Cancel();
        }
    }

    private void Work(BlockingCollection<(TItem Item, byte[] Buffer)> filled, BlockingCollection<byte[]> free, Source? help,
        Func<Action<byte[]>, IWorker> createWorker, ConcurrentQueue<ExceptionDispatchInfo> failures, CancellationTokenSource stop)
    {
        try
        {
            WorkPace.JoinThread();
            using IWorker worker = createWorker(buffer => free.Add(buffer, CancellationToken.None));
            bool isDrained = true;
            while (true)
            {
                if (filled.TryTake(out (TItem Item, byte[] Buffer) next) || TryHelp(help, free, out next)
                    || TryAwait(filled, isDrained ? Timeout.Infinite : PatienceMilliseconds, stop.Token, out next))
                {
                    stop.Token.ThrowIfCancellationRequested();
                    worker.Process(next.Item, next.Buffer);
                    isDrained = false;
                }
                else if (isDrained)
                {
                    break;
                }
                else
                {
                    worker.Drain();
                    isDrained = true;
                }
            }
            stop.Token.ThrowIfCancellationRequested();
            worker.Finish();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            failures.Enqueue(ExceptionDispatchInfo.Capture(e));
            stop.Cancel();
        }
    }

    private bool TryAwait(BlockingCollection<(TItem Item, byte[] Buffer)> filled, int limitMilliseconds, CancellationToken stop, out (TItem Item, byte[] Buffer) next)
    {
        long since = Stopwatch.GetTimestamp();
        bool isTaken = filled.TryTake(out next, limitMilliseconds, stop);
        Interlocked.Add(ref _workerWaitTicks, Stopwatch.GetTimestamp() - since);
        return isTaken;
    }

    private bool TryHelp(Source? source, BlockingCollection<byte[]> free, out (TItem Item, byte[] Buffer) filled)
    {
        filled = default;
        if (source is null || source.IsEmpty || !free.TryTake(out byte[]? buffer))
            return false;
        long since = Stopwatch.GetTimestamp();
        TItem? item = source.Next(buffer);
        Interlocked.Add(ref _workerWaitTicks, Stopwatch.GetTimestamp() - since);
        if (item is { } found)
        {
            filled = (found, buffer);
            return true;
        }
        free.Add(buffer, CancellationToken.None);
        return false;
    }

    /// <summary>Where the items come from: each to one thread.</summary>
    private sealed class Source(Func<TItem?> next, Action<TItem, byte[]>? fill)
    {
        private readonly object _gate = new();
        private volatile bool _isEmpty;

        public bool IsEmpty => _isEmpty;

        /// <summary>The next item, in the buffer; null at the end.</summary>
        public TItem? Next(byte[] buffer)
        {
            TItem? item;
            lock (_gate)
            {
                item = _isEmpty ? null : next();
                _isEmpty = item is null;
            }
            if (item is { } found)
                fill?.Invoke(found, buffer);
            return item;
        }
    }
}
