using System;
using System.Threading;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>Cancels a request that makes no progress for some time, or whose command is cancelled. One request.</summary>
internal sealed class IdleTimer : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;
    private readonly TimeSpan _idle;

    public IdleTimer(TimeSpan idle, CancellationToken caller)
    {
        _idle = idle;
        _caller = caller;
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _source.CancelAfter(idle);
    }

    public CancellationToken Token => _source.Token;

    public TimeSpan Idle => _idle;

    /// <summary>It is the time that ended it, not the caller.</summary>
    public bool HasRunOut => _source.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Some bytes went over.</summary>
    public void Touch() => _source.CancelAfter(_idle);

    public void Dispose() => _source.Dispose();
}
