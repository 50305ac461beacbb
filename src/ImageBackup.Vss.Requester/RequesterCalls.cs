using System;
using System.Diagnostics;
using System.Threading;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>The steps of one attempt: each is told to the log, and what VSS does in its own time has a limit.</summary>
internal sealed class RequesterCalls(Action<string> log, TimeSpan timeout, CancellationToken cancellation)
{
    /// <summary>How long an operation that was told to stop is waited for.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause between two questions.</summary>
    private const int MostPauseMilliseconds = 250;

    /// <exception cref="VssFailureException">The other end is gone, or asked to stop.</exception>
    public void ThrowIfCancelled()
    {
        if (cancellation.IsCancellationRequested)
            throw new VssFailureException(FailureKind.Cancelled, "it was cancelled");
    }

    /// <exception cref="VssFailureException">It failed, or was cancelled before.</exception>
    public T Run<T>(string name, Func<T> call)
    {
        ThrowIfCancelled();
        log(name);
        return call();
    }

    /// <exception cref="VssFailureException">As above.</exception>
    public void Run(string name, Action call) => Run(name, () =>
    {
        call();
        return true;
    });

    /// <summary>An undoing step: not cancelled, and its failure is told to the log only.</summary>
    public bool Try(string name, Action call)
    {
        log(name);
        try
        {
            call();
            return true;
        }
        catch (VssFailureException e)
        {
            log(e.Message);
            return false;
        }
    }

    /// <summary>Begins an operation and waits for its end. One that does not end in time is cancelled.</summary>
    /// <exception cref="VssFailureException">It failed, did not end, or was cancelled.</exception>
    public void Wait(string name, Func<IAsyncStep> begin)
    {
        using IAsyncStep step = Run(name, begin);
        int result = End(step, timeout, cancellation) ?? Stop(name, step);
        if (result == VssResult.AsyncCancelled)
            throw new VssFailureException(FailureKind.Cancelled, $"{name}: it was cancelled");
        if (VssResult.Failed(result))
            throw new VssFailureException(VssResult.KindOf(result), $"{name}: {VssResult.Describe(result)}", result);
    }

    private int Stop(string name, IAsyncStep step)
    {
        step.Cancel();
        // What is let go while VSS works on it may leave the next attempt a set in progress.
        _ = End(step, s_grace, CancellationToken.None);
        ThrowIfCancelled();
        throw new VssFailureException(FailureKind.Hopeless, $"{name}: it did not end within {timeout.TotalSeconds:0.###} s");
    }

    private static int? End(IAsyncStep step, TimeSpan limit, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        for (int pause = 1; ; pause = Math.Min(pause * 2, MostPauseMilliseconds))
        {
            if (step.Query() is { } result)
                return result;
            if (watch.Elapsed >= limit || cancellation.WaitHandle.WaitOne(pause))
                return null;
        }
    }
}
