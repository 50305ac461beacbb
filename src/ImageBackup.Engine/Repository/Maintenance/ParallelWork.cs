using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Works through a list on several threads at once. Each has a state of its own (a reader with its buffers) for all items that it
/// takes, so there are never more of these than threads.
/// </summary>
internal static class ParallelWork
{
    /// <summary>One a core: each decrypts and hashes.</summary>
    public static int CoreCount => Environment.ProcessorCount;

    /// <summary>
    /// Waiting for a storage is what takes the time if a few kilobytes are read of each file: more at a time than there are cores.
    /// </summary>
    public const int SmallReadCount = 16;

    /// <summary>Calls <paramref name="work"/> once for each item, in their order but side by side.</summary>
    /// <param name="items">The items.</param>
    /// <param name="threadCount">The most threads.</param>
    /// <param name="createState">Makes a thread's own state, which is disposed at its end.</param>
    /// <param name="work">Gets an item's number and the state.</param>
    /// <param name="cancellation">Between two items.</param>
    /// <exception cref="Exception">The first failure, as it was thrown; no other item is begun after it.</exception>
    public static void Run<TItem, TState>(IReadOnlyList<TItem> items, int threadCount, Func<TState> createState, Action<int, TState> work, CancellationToken cancellation)
        where TState : IDisposable?
    {
        int next = -1, count = Math.Max(1, Math.Min(threadCount, items.Count));
        ExceptionDispatchInfo? failure = null;
        // Threads of their own: the pool's come one by one, and what they wait for needs the pool too.
        Task[] others = new Task[count - 1];
        for (int i = 0; i < others.Length; i++)
            others[i] = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Work();
        foreach (Task other in others)
            other.GetAwaiter().GetResult();
        failure?.Throw();
        cancellation.ThrowIfCancellationRequested();

        void Work()
        {
            try
            {
                using TState? state = createState();
                for (int item; Volatile.Read(ref failure) is null && (item = Interlocked.Increment(ref next)) < items.Count;)
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(item, state!);
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        }
    }
}
