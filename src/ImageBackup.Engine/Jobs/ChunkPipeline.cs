using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// A bounded pipeline of work items with reused buffers: one producer (the calling thread) and one worker thread a core.
/// Memory is the buffers, whatever the number of items. A worker takes what waits, up to a batch, and waits for no more than
/// one. The first failure or a cancellation ends it; no thread is left running on any way out.
/// </summary>
internal sealed class ChunkPipeline<TItem>(int workerCount, int bufferBytes, int bufferCount, int batchCount = 1)
    where TItem : struct
{
    /// <summary>What batches may hold in memory, and the longest chunk that is worth batches.</summary>
    private const long BatchedBytes = 256L << 20, BatchedChunkBytes = 2L << 20;

    /// <summary>An item and the buffer that its producer filled; the worker's until it has processed it.</summary>
    public readonly record struct Filled(TItem Item, byte[] Buffer);

    /// <summary>A worker's own state, disposed when it ends.</summary>
    public interface IWorker : IDisposable
    {
        /// <summary>Called with at least one.</summary>
        void Process(ReadOnlySpan<Filled> batch);

        /// <summary>Called once after the last item, on the worker's thread.</summary>
        void Finish();
    }

    /// <summary>
    /// A pipeline for chunks of at most so many bytes. In batches where chunks are named best so (<see cref="BlobIds"/>) and
    /// memory allows: one batch a worker and one being filled. Else one chunk each at work, one each waiting, two for the producer.
    /// </summary>
    public static ChunkPipeline<TItem> For(int workerCount, int chunkBytes)
    {
        int batchCount = (int)Math.Min(BlobIds.BatchCount, BatchedBytes / ((workerCount + 1L) * Math.Max(1, chunkBytes)));
        bool isBatched = batchCount >= BlobIds.BatchWorthCount && chunkBytes <= BatchedChunkBytes;
        return isBatched
            ? new ChunkPipeline<TItem>(workerCount, chunkBytes, (workerCount + 1) * batchCount, batchCount)
            : new ChunkPipeline<TItem>(workerCount, chunkBytes, 2 * workerCount + 2);
    }

    /// <summary>
    /// Runs to the end. <paramref name="produce"/> is called on this thread with a free buffer and gives the next item, or
    /// null at the end; it may leave the buffer unused.
    /// </summary>
    public void Run(Func<byte[], TItem?> produce, Func<IWorker> createWorker, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var filled = new BlockingCollection<Filled>(bufferCount);
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
                filled.Add(new Filled(item, buffer), stop.Token);
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

    private void Work(BlockingCollection<Filled> filled, BlockingCollection<byte[]> free,
        Func<IWorker> createWorker, ConcurrentQueue<ExceptionDispatchInfo> failures, CancellationTokenSource stop)
    {
        try
        {
            using IWorker worker = createWorker();
            var batch = new Filled[batchCount];
            while (filled.TryTake(out batch[0], Timeout.Infinite, stop.Token))
            {
                int count = 1;
                while (count < batchCount && filled.TryTake(out batch[count]))
                    count++;
                worker.Process(batch.AsSpan(0, count));
                for (int i = 0; i < count; i++)
                    free.Add(batch[i].Buffer, CancellationToken.None);
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
}
