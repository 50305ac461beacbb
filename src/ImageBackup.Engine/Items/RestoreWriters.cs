using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Platform.Rooted;

namespace ImageBackup.Engine.Items;

/// <summary>Files of one directory that are written together: a hand-over to another thread costs as much as a small file.</summary>
/// <param name="Folder">Where they go; the batch's own use of it.</param>
/// <param name="Items">Each with whether it takes the place of what is there.</param>
internal readonly record struct RestoreBatch(SharedFolder Folder, IReadOnlyList<(FoundItem Item, bool Replaces)> Items);

/// <summary>
/// The threads that write a restore's files while the calling one finds the next. Begun with the first batch, gone at the end of
/// <see cref="Finish"/>; the caller calls all from one thread.
/// </summary>
/// <param name="threadCount">Threads; 0: the caller writes each batch itself.</param>
/// <param name="write">Writes one file; called from several threads, with a buffer that is the thread's own. False: it is not written. What it throws ends the restore.</param>
internal sealed class RestoreWriters(int threadCount, Func<RootedFolder, FoundItem, bool, byte[], bool> write) : IDisposable
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Batches that wait; each holds a directory open.</summary>
    private const int WaitingCount = 16;

    private readonly BlockingCollection<RestoreBatch> _waiting = new(WaitingCount);
    private readonly Task[] _threads = new Task[threadCount];
    private byte[]? _ownBuffer;
    private ExceptionDispatchInfo? _failure;
    private bool _isDisposed;

    /// <summary>Hands a batch over, and waits if enough of them wait.</summary>
    /// <exception cref="Exception">The first failure of a file before.</exception>
    public void Add(in RestoreBatch batch)
    {
        if (threadCount == 0)
        {
            Write(batch, _ownBuffer ??= new byte[BufferBytes]);
        }
        else
        {
            for (int i = 0; i < threadCount && _threads[i] is null; i++)
                _threads[i] = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            _waiting.Add(batch);
        }
        Volatile.Read(ref _failure)?.Throw();
    }

    /// <summary>Writes one file on the calling thread.</summary>
    /// <returns>Whether it is written.</returns>
    public bool WriteNow(RootedFolder folder, FoundItem item, bool replaces) => write(folder, item, replaces, _ownBuffer ??= new byte[BufferBytes]);

    /// <summary>Waits until all is written.</summary>
    /// <exception cref="Exception">The first failure.</exception>
    public void Finish()
    {
        Dispose();
        _failure?.Throw();
    }

    /// <summary>Waits until nobody writes any more.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _waiting.CompleteAdding();
        foreach (Task? thread in _threads)
            thread?.GetAwaiter().GetResult();
        _waiting.Dispose();
    }

    private void Work()
    {
        WorkPace.JoinThread();
        var buffer = new byte[BufferBytes];
        foreach (RestoreBatch batch in _waiting.GetConsumingEnumerable())
            Write(batch, buffer);
    }

    // After a failure the batches are only taken, so that their directories are closed and nobody waits for room.
    private void Write(in RestoreBatch batch, byte[] buffer)
    {
        using SharedFolder folder = batch.Folder;
        try
        {
            for (int i = 0; i < batch.Items.Count && Volatile.Read(ref _failure) is null; i++)
                _ = write(folder.Folder, batch.Items[i].Item, batch.Items[i].Replaces, buffer);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }
}
