using System;
using System.Collections.Concurrent;
using System.Threading;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>
/// What a background job says to the pipeline thread: the newest progress (older ones are dropped) and every
/// message. Reports come from any thread; only the pipeline thread drains.
/// </summary>
internal sealed class CmdletChannel : IProgress<JobProgress>, IDisposable
{
    private readonly ConcurrentQueue<(bool IsWarning, string Text)> _messages = new();
    private readonly ManualResetEventSlim _ended = new();
    private JobProgress? _latest;

    public void Report(JobProgress value) => Volatile.Write(ref _latest, value);

    public void WriteWarning(string text) => _messages.Enqueue((true, text));

    public void WriteVerbose(string text) => _messages.Enqueue((false, text));

    /// <summary>The job's last word; nothing may be reported afterwards.</summary>
    public void End() => _ended.Set();

    /// <summary>Waits until the job has ended, or the time is over; true when it has ended.</summary>
    public bool WaitForEnd(TimeSpan time) => _ended.Wait(time);

    public JobProgress? TakeProgress() => Interlocked.Exchange(ref _latest, null);

    public bool TryTakeMessage(out (bool IsWarning, string Text) message) => _messages.TryDequeue(out message);

    public void Dispose() => _ended.Dispose();
}
