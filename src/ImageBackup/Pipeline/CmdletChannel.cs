using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>
/// What a background job says to the pipeline thread: the newest progress (older ones are dropped), every message, and objects. Reports come
/// from any thread; only the pipeline thread drains.
/// </summary>
internal sealed class CmdletChannel : IProgress<JobProgress>
{
    private readonly ConcurrentQueue<Message> _messages = new();

    /// <summary>Writes that wait for the pipeline: the work is one ahead of it, and what waits stays young.</summary>
    private const int MaxWrites = 2;

    private readonly Queue<Action> _writes = new();
    private readonly object _changed = new();
    private bool _isEnded;
    private JobProgress? _latest;

    public void Report(JobProgress value) => Volatile.Write(ref _latest, value);

    public void WriteWarning(string text) => _messages.Enqueue(new Message(true, text));

    public void WriteVerbose(string text) => _messages.Enqueue(new Message(false, text));

    /// <summary>Has the pipeline thread do something, in the order of the calls; waits if it is behind.</summary>
    /// <param name="write">Writes objects. Called while the work goes on.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The pipeline takes nothing any more.</exception>
    public void Write(Action write, CancellationToken stop)
    {
        using CancellationTokenRegistration wake = stop.Register(Wake);
        lock (_changed)
        {
            while (_writes.Count >= MaxWrites && !stop.IsCancellationRequested)
                Monitor.Wait(_changed);
            stop.ThrowIfCancellationRequested();
            _writes.Enqueue(write);
            Monitor.PulseAll(_changed);
        }
    }

    /// <summary>The job's last word; nothing may be reported afterwards.</summary>
    public void End()
    {
        lock (_changed)
        {
            _isEnded = true;
            Monitor.PulseAll(_changed);
        }
    }

    /// <summary>Waits until there is something to write, the job has ended, or the time is over; true if it has ended.</summary>
    public bool WaitForEnd(TimeSpan time)
    {
        lock (_changed)
        {
            if (!_isEnded && _writes.Count == 0)
                Monitor.Wait(_changed, time);
            return _isEnded;
        }
    }

    public bool TryTakeWrite([NotNullWhen(true)] out Action? write)
    {
        lock (_changed)
        {
            write = _writes.Count > 0 ? _writes.Dequeue() : null;
            Monitor.PulseAll(_changed);
        }
        return write is not null;
    }

    private void Wake()
    {
        lock (_changed)
            Monitor.PulseAll(_changed);
    }

    public JobProgress? TakeProgress() => Interlocked.Exchange(ref _latest, null);

    public bool TryTakeMessage([NotNullWhen(true)] out Message? message) => _messages.TryDequeue(out message);

    /// <summary>A warning, or something for who asked for more words. A class: the system's queue of a structure is compiled in every session.</summary>
    internal sealed record Message(bool IsWarning, string Text);
}
