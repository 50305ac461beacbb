using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// A bounded pipeline of work items with reused buffers: one producer (the calling thread) and one worker thread a core.
/// Memory is the buffers, whatever the number of items. The first failure or a cancellation ends it; no thread is left
/// running on any way out.
/// </summary>
internal sealed class ChunkPipeline<TItem>(int workerCount, int bufferBytes, int bufferCount)
    where TItem : struct
{
    /// <summary>A worker's own state, disposed when it ends.</summary>
    public interface IWorker : IDisposable
    {
        void Process(TItem item, byte[] buffer);

        /// <summary>Called once after the last item, on the worker's thread.</summary>
        void Finish();
    }

    /// <summary>
    /// Runs to the end. <paramref name="produce"/> is called on this thread with a free buffer and gives the next item, or
    /// null at the end; it may leave the buffer unused.
    /// </summary>
    public void Run(Func<byte[], TItem?> produce, Func<IWorker> createWorker, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var filled = new BlockingCollection<(TItem Item, byte[] Buffer)>(bufferCount);
        using var free = new BlockingCollection<byte[]>();
        for (int i = 0; i < bufferCount; i++)
            free.Add(new byte[bufferBytes], CancellationToken.None);
        var failures = new ConcurrentQueue<ExceptionDispatchInfo>();

        Thread[] workers = Enumerable.Range(0, workerCount).Select(i => new Thread(() => Work(filled, free, createWorker, failures, stop))
        {
            IsBackground = true,
            Name = $"ImageBackup worker {i}",
        }).ToArray();
        foreach (Thread worker in workers)
            worker.Start();

        try
        {
            while (true)
            {
                byte[] buffer = free.Take(stop.Token);
                if (produce(buffer) is not { } item)
                    break;
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
        finally
        {
            filled.CompleteAdding();
            foreach (Thread worker in workers)
                worker.Join();
        }

        if (failures.TryDequeue(out ExceptionDispatchInfo? failure))
            failure.Throw();
        cancellation.ThrowIfCancellationRequested();
    }

    private static void Work(BlockingCollection<(TItem Item, byte[] Buffer)> filled, BlockingCollection<byte[]> free,
        Func<IWorker> createWorker, ConcurrentQueue<ExceptionDispatchInfo> failures, CancellationTokenSource stop)
    {
        try
        {
            using IWorker worker = createWorker();
            foreach ((TItem item, byte[] buffer) in filled.GetConsumingEnumerable(stop.Token))
            {
                worker.Process(item, buffer);
                free.Add(buffer, CancellationToken.None);
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

    /// <summary>Buffers for a number of workers: one each at work, one each waiting, two for the producer.</summary>
    public static int BuffersFor(int workerCount) => 2 * workerCount + 2;
}
