using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace ImageBackup.Engine.Platform.Termination;

/// <summary>
/// What this process does before it ends, if it is told to (<see cref="EndSignals"/>): it cancels the work that runs and waits
/// a moment for it to undo what it has done; then it undoes what is still registered, the last registered first. A second
/// signal waits for the first one's work. Any thread.
/// </summary>
internal static class ExitCleanup
{
    /// <summary>How long cancelled work may take to unwind, before its undos are called from outside of it.</summary>
    private static readonly TimeSpan s_unwinding = TimeSpan.FromSeconds(3);

    private static readonly object s_gate = new();
    private static readonly object s_ending = new();
    private static readonly List<ExitUndo> s_undos = [];
    private static readonly List<CancellableWork> s_works = [];
    private static bool s_isRegistered;
    private static volatile bool s_isEnding;

    /// <summary>The process is being ended: nothing new may be taken.</summary>
    public static bool IsEnding => s_isEnding;

    /// <summary>Registers an undo. To be called before the thing that it undoes is done.</summary>
    /// <exception cref="OperationCanceledException">The process is ending: the thing must not be done.</exception>
    public static ExitUndo Hold(Action undo)
    {
        var held = new ExitUndo(undo);
        lock (s_gate)
        {
            if (s_isEnding)
                throw new OperationCanceledException("The process is ending.");
            Register();
            s_undos.Add(held);
        }
        return held;
    }

    /// <summary>Registers work that the process's end cancels.</summary>
    public static CancellableWork Begin(Action cancel)
    {
        var work = new CancellableWork(cancel);
        lock (s_gate)
        {
            Register();
            s_works.Add(work);
        }
        return work;
    }

    /// <summary>Internal for tests; the signals call it.</summary>
    internal static void Run()
    {
        // Who comes second waits until the first has done it: the process must not end before.
        lock (s_ending)
        {
            s_isEnding = true;
            try
            {
                CancelWork();
                while (Last() is { } undo)
                    Do(undo);
            }
            finally
            {
                s_isEnding = false;
            }
        }
    }

    internal static void Forget(ExitUndo undo)
    {
        lock (s_gate)
            s_undos.Remove(undo);
    }

    private static void Forget(CancellableWork work)
    {
        lock (s_gate)
        {
            s_works.Remove(work);
            Monitor.PulseAll(s_gate);
        }
    }

    private static void Register()
    {
        if (s_isRegistered)
            return;
        s_isRegistered = true;
        EndSignals.Register(Run);
    }

    private static void CancelWork()
    {
        CancellableWork[] works;
        lock (s_gate)
            works = [.. s_works];
        foreach (CancellableWork work in works)
            work.Cancel();
        var clock = Stopwatch.StartNew();
        lock (s_gate)
        {
            while (s_works.Count > 0 && clock.Elapsed < s_unwinding)
                Monitor.Wait(s_gate, TimeSpan.FromMilliseconds(100));
        }
    }

    /// <summary>It stays registered until it is done, so that a second signal waits for it.</summary>
    private static ExitUndo? Last()
    {
        lock (s_gate)
            return s_undos.Count == 0 ? null : s_undos[s_undos.Count - 1];
    }

    private static void Do(ExitUndo undo)
    {
        try
        {
            undo.Dispose();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Its record on the disk, if it has one, leads the next run to it. The others follow.
        }
        Forget(undo);
    }

    /// <summary>Work that runs; Dispose when it has ended and undone what it had to.</summary>
    internal sealed class CancellableWork(Action cancel) : IDisposable
    {
        public void Cancel()
        {
            try
            {
                cancel();
            }
            catch (Exception e) when (e is ObjectDisposedException or AggregateException)
            {
                // It has ended just now, or one of those that it told did not listen: the undos follow anyway.
            }
        }

        public void Dispose() => Forget(this);
    }
}

/// <summary>
/// An undo that is done once: by its holder, on every way out, or at the process's end. The second caller waits until it
/// is done. The action that it undoes is done under <see cref="Do"/>, so that the undo neither comes too early nor is too late.
/// </summary>
internal sealed class ExitUndo(Action undo) : IDisposable
{
    private readonly object _gate = new();
    // Without a timer it needs no disposing.
    private readonly CancellationTokenSource _ending = new();
    private bool _isDone;

    /// <summary>Does the thing that is to be undone. The undo waits until the action has returned or thrown.</summary>
    /// <param name="action">Its token is cancelled when the undo is called for: it should end soon then.</param>
    /// <exception cref="OperationCanceledException">The undo was called for already: nothing was done.</exception>
    public T Do<T>(Func<CancellationToken, T> action)
    {
        lock (_gate)
        {
            if (_isDone)
                throw new OperationCanceledException("The process is ending.");
            return action(_ending.Token);
        }
    }

    /// <summary>Undoes the thing. Throws what the undo throws, to the first caller only.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        lock (_gate)
        {
            if (_isDone)
                return;
            _isDone = true;
            try
            {
                undo();
            }
            finally
            {
                ExitCleanup.Forget(this);
            }
        }
    }

    /// <summary>The thing needs no undo any more.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _isDone = true;
            ExitCleanup.Forget(this);
        }
    }
}
