using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// What a command's threads wait for in the system: a device that does not answer holds a thread if nothing can interrupt it,
/// neither a signal nor a cancellation. Every call that a device or a share can hold up enters here and leaves when it has
/// ended, so that who stops the command can tell a call that does not return from work that needs its time, and let go of
/// the one and wait for the other. Follows the command into all threads that it starts.
/// </summary>
internal static class PendingCalls
{
    private static readonly AsyncLocal<PendingCallScope?> s_scope = new();

    /// <summary>Whether the command that this thread works for is to stop; never if nobody began a scope.</summary>
    internal static CancellationToken Stop => s_scope.Value?.Stop ?? CancellationToken.None;

    /// <summary>So long a call that changes something goes on after the command was stopped: a lock that is not removed is in everybody's way.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(3);

    /// <summary>A call that changes something or tidies up: it is cancelled a few seconds after the command is stopped, or has been.</summary>
    internal static ChangingCall BeginChange() => new(s_grace, Stop);

    /// <summary>Begins a command's scope on this thread and those that it starts from now on.</summary>
    /// <param name="stop">Cancelled when the command is to stop.</param>
    public static PendingCallScope Begin(CancellationToken stop)
    {
        var scope = new PendingCallScope(s_scope.Value, Restore, stop);
        s_scope.Value = scope;
        return scope;
    }

    private static void Restore(PendingCallScope? outer) => s_scope.Value = outer;

    /// <summary>Enters a call. Costs no memory.</summary>
    /// <param name="what">The file or device, for people.</param>
    internal static PendingCall Enter(string what)
    {
        PendingCallScope? scope = s_scope.Value;
        return new PendingCall(scope, scope is not null && scope.Enter(what));
    }

    /// <summary>Waits; true if the command was stopped meanwhile.</summary>
    internal static bool WaitOrStop(TimeSpan time)
    {
        try
        {
            return Stop.WaitHandle.WaitOne(time);
        }
        catch (ObjectDisposedException)
        {
            // The command has ended: this is what it left to do.
            return true;
        }
    }
}

/// <summary>One call that has been entered.</summary>
internal readonly struct PendingCall(PendingCallScope? scope, bool isOutermost) : IDisposable
{
    public void Dispose()
    {
        if (isOutermost)
            scope!.Leave();
    }
}

/// <summary>The time that a call which changes something has. Disposing ends it.</summary>
internal sealed class ChangingCall : IDisposable
{
    private readonly CancellationTokenSource? _end;
    private readonly CancellationTokenRegistration _registration;

    internal ChangingCall(TimeSpan grace, CancellationToken stop)
    {
        if (!stop.CanBeCanceled)
            return;
        _end = new CancellationTokenSource();
        try
        {
            _registration = stop.Register(state => ((CancellationTokenSource)state!).CancelAfter(grace), _end);
        }
        catch (ObjectDisposedException)
        {
            // The command has ended: this is what it left to do.
            _end.CancelAfter(grace);
        }
    }

    public CancellationToken Token => _end?.Token ?? CancellationToken.None;

    public void Dispose()
    {
        _registration.Dispose();
        _end?.Dispose();
    }
}

/// <summary>A command's calls. Any thread.</summary>
internal sealed class PendingCallScope : IDisposable
{
    private readonly Dictionary<int, (string What, long Started)> _calls = new();
    private readonly PendingCallScope? _outer;
    private readonly Action<PendingCallScope?> _restore;

    internal PendingCallScope(PendingCallScope? outer, Action<PendingCallScope?> restore, CancellationToken stop)
    {
        Stop = stop;
        _outer = outer;
        _restore = restore;
    }

    internal CancellationToken Stop { get; }

    /// <summary>What a call that began so long ago and has not returned is about; null if there is none.</summary>
    public string? Unanswered(TimeSpan since)
    {
        lock (_calls)
        {
            foreach ((string what, long started) in _calls.Values)
            {
                if (Stopwatch.GetTimestamp() - started > since.TotalSeconds * Stopwatch.Frequency)
                    return what;
            }
        }
        return null;
    }

    /// <summary>False within another call of the same thread.</summary>
    internal bool Enter(string what)
    {
        int thread = Environment.CurrentManagedThreadId;
        lock (_calls)
        {
            if (_calls.ContainsKey(thread))
                return false;
            _calls.Add(thread, (what, Stopwatch.GetTimestamp()));
            return true;
        }
    }

    internal void Leave()
    {
        lock (_calls)
            _calls.Remove(Environment.CurrentManagedThreadId);
    }

    /// <summary>Ends the scope on the thread that began it.</summary>
    public void Dispose() => _restore(_outer);
}
