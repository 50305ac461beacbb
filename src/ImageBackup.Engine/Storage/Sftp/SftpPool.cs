using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage.Programs;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>
/// A few connections to one server: each carries one call at a time, a new one is opened if all are taken, and one that broke is
/// left behind, so that the next try has another. Any thread.
/// </summary>
internal sealed class SftpPool(IReadOnlyList<string> words, string shown, SftpSettings settings) : IDisposable
{
    private readonly SemaphoreSlim _places = new(settings.Connections, settings.Connections);
    private readonly Stack<SftpConnection> _idle = new();
    private readonly HashSet<SftpConnection> _all = [];
    private bool _isDisposed;

    /// <summary>Does something by a connection.</summary>
    public T Use<T>(Func<SftpConnection, T> action, CancellationToken cancellation)
    {
        using (PendingCalls.Enter(shown))
        {
            _places.Wait(cancellation);
            SftpConnection? connection = null;
            try
            {
                connection = Take() ?? Open(cancellation);
                return action(connection);
            }
            finally
            {
                if (connection is not null)
                    GiveBack(connection);
                _places.Release();
            }
        }
    }

    private SftpConnection? Take()
    {
        lock (_all)
        {
            while (_idle.Count > 0)
            {
                if (_idle.Pop() is { IsBroken: false } connection)
                    return connection;
            }
            return null;
        }
    }

    private SftpConnection Open(CancellationToken cancellation)
    {
        SftpConnection connection = SftpConnection.Open(ServerProgram.Start(words, keepsStorageSecrets: false, shown), shown, settings.Idle, cancellation);
        lock (_all)
            _all.Add(connection);
        return connection;
    }

    private void GiveBack(SftpConnection connection)
    {
        lock (_all)
        {
            if (!connection.IsBroken && !_isDisposed)
            {
                _idle.Push(connection);
                return;
            }
            _all.Remove(connection);
        }
        connection.Dispose();
    }

    public void Dispose()
    {
        SftpConnection[] all;
        lock (_all)
        {
            _isDisposed = true;
            all = [.. _all];
            _all.Clear();
            _idle.Clear();
        }
        // ssh takes a moment to end: all of them at once.
        System.Threading.Tasks.Parallel.ForEach(all, connection => connection.Dispose());
    }
}

/// <param name="Connections">So many at once.</param>
/// <param name="Idle">An answer that takes longer is not waited for.</param>
internal sealed record SftpSettings(int Connections, TimeSpan Idle);
