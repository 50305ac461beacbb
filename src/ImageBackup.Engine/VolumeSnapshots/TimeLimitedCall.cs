using System;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>
/// One call into a service that may never answer. It runs on a thread of its own (in no COM apartment of the caller's), and the
/// caller goes on when the time is over; the call then runs on unobserved.
/// </summary>
internal static class TimeLimitedCall
{
    /// <summary>How long a call that was told to stop is waited for.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <param name="step">Given a token that is cancelled when the time is over or the caller gives up.</param>
    /// <param name="timeout">For the whole step.</param>
    /// <param name="cancellation">The caller's.</param>
    /// <param name="late">Takes a result that came after the time limit.</param>
    /// <exception cref="TimeoutException">The time is over.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public static T Run<T>(Func<CancellationToken, T> step, TimeSpan timeout, CancellationToken cancellation, Action<T>? late = null)
    {
        cancellation.ThrowIfCancellationRequested();
        // Not disposed: the step may hold it when we are gone.
        var stop = new CancellationTokenSource();
        Task<T> task = Task.Factory.StartNew(() => step(stop.Token), CancellationToken.None,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        bool hasEnded;
        try
        {
            hasEnded = Wait(task, timeout, cancellation);
        }
        catch (OperationCanceledException)
        {
            hasEnded = false;
        }
        if (!hasEnded)
        {
            stop.Cancel();
            // One that listens gives its result, or what it has begun, back in time; its answer counts only without a cancellation.
            if (Wait(task, Grace, CancellationToken.None) && task.Status == TaskStatus.RanToCompletion)
                late?.Invoke(task.Result);
            else
                _ = task.ContinueWith(ended => End(ended, late), TaskScheduler.Default);
            cancellation.ThrowIfCancellationRequested();
            throw new TimeoutException($"it did not end within {timeout.TotalSeconds:0.###} s");
        }
        return task.GetAwaiter().GetResult();
    }

    /// <summary>A step without a result.</summary>
    /// <exception cref="TimeoutException">The time is over.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public static void Run(Action<CancellationToken> step, TimeSpan timeout, CancellationToken cancellation) => Run(token =>
    {
        step(token);
        return true;
    }, timeout, cancellation);

    private static bool Wait(Task task, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            return task.Wait((int)Math.Min(timeout.TotalMilliseconds, int.MaxValue), cancellation);
        }
        catch (AggregateException)
        {
            // It has failed; the caller that asks for the result gets the error.
            return true;
        }
    }

    private static void End<T>(Task<T> ended, Action<T>? late)
    {
        if (ended.Status == TaskStatus.RanToCompletion)
            late?.Invoke(ended.Result);
        else
            _ = ended.Exception;
    }
}
