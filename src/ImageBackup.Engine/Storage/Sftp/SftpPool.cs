using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage.Programs;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>
/// A few connections to one server: each carries one call at a time, and one that broke is left behind, so that the next try has another. If all
/// are taken a new one is opened, which takes ten round trips: who waits gets whichever is free first. Any thread.
/// </summary>
internal sealed class SftpPool(IReadOnlyList<string> words, string shown, SftpSettings settings) : IDisposable
{
    /// <summary>The first call opens so many: the second one is wanted soon, mostly while a key is derived.</summary>
    private const int FirstCount = 2;

    private readonly object _gate = new();
    private readonly Stack<SftpConnection> _idle = new();
    private readonly HashSet<SftpConnection> _all = [];
    private readonly Queue<TaskCompletionSource<SftpConnection>> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private int _openingCount;
    private bool _isDisposed;

    /// <summary>Does something by a connection.</summary>
    public T Use<T>(Func<SftpConnection, T> action, CancellationToken cancellation)
    {
        using (PendingCalls.Enter(shown))
        {
            SftpConnection connection = Take(cancellation);
            try
            {
                return action(connection);
            }
            finally
            {
                GiveBack(connection);
            }
        }
    }

    private SftpConnection Take(CancellationToken cancellation)
    {
        var waiting = new TaskCompletionSource<SftpConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            while (_idle.Count > 0)
            {
                if (_idle.Pop() is { IsBroken: false } connection)
                    return connection;
            }
            if (_isDisposed)
                throw new ObjectDisposedException(nameof(SftpPool));
            _waiting.Enqueue(waiting);
            OpenForWaiting(_all.Count + _openingCount == 0 ? FirstCount : _waiting.Count);
        }
        using (cancellation.Register(() => waiting.TrySetCanceled()))
        {
            try
            {
                return waiting.Task.GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(SftpPool));
            }
            catch (OperationCanceledException)
            {
                throw new OperationCanceledException(cancellation);
            }
        }
    }

    /// <summary>Begins to open until so many are on their way, as far as more are allowed. Under the gate.</summary>
    private void OpenForWaiting(int count)
    {
        for (; _openingCount < count && _all.Count + _openingCount < settings.Connections; _openingCount++)
            _ = Task.Factory.StartNew(Open, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Open()
    {
        SftpConnection connection;
        try
        {
            connection = SftpConnection.Open(ServerProgram.Start(words, keepsStorageSecrets: false, shown), shown, settings.Idle, _stop.Token);
        }
        catch (Exception e)
        {
            Fail(e);
            return;
        }
        lock (_gate)
        {
            _openingCount--;
            _all.Add(connection);
        }
        GiveBack(connection);
    }

    /// <summary>As long as there is a connection who waits gets that one: a server may allow no more. Else each is told.</summary>
    private void Fail(Exception failure)
    {
        lock (_gate)
        {
            _openingCount--;
            if (_all.Any(connection => !connection.IsBroken) || _openingCount > 0)
                return;
            while (_waiting.Count > 0)
                _waiting.Dequeue().TrySetException(failure is StorageException e ? Again(e) : failure);
        }
    }

    /// <summary>One exception for each who is told.</summary>
    private static StorageException Again(StorageException e) => new(e.Problem, e.Path, e.Message, e) { IsPermanent = e.IsPermanent, RetryAfter = e.RetryAfter };

    private void GiveBack(SftpConnection connection)
    {
        lock (_gate)
        {
            if (!connection.IsBroken && !_isDisposed)
            {
                while (_waiting.Count > 0)
                {
                    // One whose call was cancelled takes none.
                    if (_waiting.Dequeue().TrySetResult(connection))
                        return;
                }
                _idle.Push(connection);
                return;
            }
            _all.Remove(connection);
            if (!_isDisposed)
                OpenForWaiting(_waiting.Count);
        }
        connection.Dispose();
    }

    public void Dispose()
    {
        SftpConnection[] all;
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            all = [.. _all];
            _all.Clear();
            _idle.Clear();
            while (_waiting.Count > 0)
                _waiting.Dequeue().TrySetCanceled();
        }
        _stop.Cancel();
        // ssh takes a moment to end: all of them at once.
        Parallel.ForEach(all, connection => connection.Dispose());
    }
}

/// <param name="Connections">So many at once.</param>
/// <param name="Idle">An answer that takes longer is not waited for.</param>
internal sealed record SftpSettings(int Connections, TimeSpan Idle);
