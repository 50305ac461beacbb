using System;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Indexes;

namespace ImageBackup.Engine.Repository.Writing;

/// <summary>
/// Makes finished packs durable on threads of its own, so that no worker waits for a disk's flush or a server: one for a directory,
/// as many as there are connections for a server. A few packs at most wait in the queue. The first failure ends it: every later call
/// throws it.
/// </summary>
internal sealed class PackUploader : IDisposable
{
    /// <summary>A waiting pack costs its list of blobs, not its bytes: those lie in a temporary file already.</summary>
    private const int QueueLength = 8;

    private readonly BlockingCollection<PackWriter> _queue = new(QueueLength);
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private readonly Action<IndexedPack> _onCommitted;
    private readonly Task _mayCommit;
    private ExceptionDispatchInfo? _failure;

    /// <param name="connections">So many packs are sent at once.</param>
    /// <param name="onCommitted">Called on a committer's thread, one at a time, after each pack is on stable storage.</param>
    /// <param name="mayCommit">Ends when packs may be committed; if it fails, no pack gets its name. Null: they may be at once.</param>
    public PackUploader(int connections, Action<IndexedPack> onCommitted, Task? mayCommit = null)
    {
        _onCommitted = onCommitted;
        _mayCommit = mayCommit ?? Task.CompletedTask;
        _threads = new Thread[Math.Max(1, connections)];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = "ImageBackup pack committer" };
            _threads[i].Start();
        }
    }

    /// <summary>Takes over a sealed pack; waits while the queue is full. If it throws, the pack is still the caller's.</summary>
    public void Submit(PackWriter pack)
    {
        ThrowIfFailed();
        try
        {
            _queue.Add(pack, _stop.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
        {
            ThrowIfFailed();
            throw;
        }
    }

    /// <summary>Waits until everything submitted is durable.</summary>
    public void Finish()
    {
        End();
        ThrowIfFailed();
    }

    public void ThrowIfFailed() => _failure?.Throw();

    /// <summary>Waits until packs may be committed, and throws what forbids it.</summary>
    public void WaitUntilAllowed()
    {
        _mayCommit.GetAwaiter().GetResult();
        ThrowIfFailed();
    }

    private void Run()
    {
        try
        {
            WorkPace.JoinThread();
            WaitUntilAllowed();
            foreach (PackWriter pack in _queue.GetConsumingEnumerable())
            {
                using (pack)
                {
                    ThrowIfFailed();
                    IndexedPack committed = pack.Commit();
                    lock (_gate)
                        _onCommitted(committed);
                }
            }
        }
        catch (Exception e)
        {
            // What another thread failed with first is what is told.
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            _stop.Cancel();
            while (_queue.TryTake(out PackWriter? pack))
                pack.Dispose();
        }
    }

    private void End()
    {
        if (!_queue.IsAddingCompleted)
            _queue.CompleteAdding();
        foreach (Thread thread in _threads)
            thread.Join();
    }

    public void Dispose()
    {
        End();
        while (_queue.TryTake(out PackWriter? pack))
            pack.Dispose();
        _queue.Dispose();
        _stop.Dispose();
    }
}
