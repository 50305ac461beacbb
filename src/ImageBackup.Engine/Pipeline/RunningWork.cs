using System;
using System.Threading;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform.Termination;

namespace ImageBackup.Engine.Pipeline;

/// <summary>
/// Work that takes locks, volumes or temporary files: if this process is told to end, the work is cancelled and the end waits
/// for it to undo what it has done. Dispose when it has. Any thread.
/// </summary>
internal sealed class RunningWork : IDisposable
{
    private static int s_isHangupLogged;
    private readonly ExitCleanup.CancellableWork _work;

    private RunningWork(ExitCleanup.CancellableWork work) => _work = work;

    /// <summary>
    /// This process has been told to end and is undoing: a caller that would go on with the next thing must wait for the end instead.
    /// </summary>
    public static bool IsProcessEnding => ExitCleanup.IsEnding;

    /// <summary>The terminal was closed and the work goes on: output that cannot be shown must not end it.</summary>
    public static bool IsTerminalLost => HangupSignal.IsTerminalLost;

    /// <param name="cancel">Cancels the work; called on another thread. It may throw ObjectDisposedException.</param>
    public static RunningWork Begin(Action cancel)
    {
        if (Interlocked.Exchange(ref s_isHangupLogged, 1) == 0)
            HangupSignal.OnTerminalLost(() => EventLog.Current.Write(EventId.TerminalLost, "The terminal that this command was started from was closed (SIGHUP). The command goes on to its end."));
        return new RunningWork(ExitCleanup.Begin(cancel));
    }

    public void Dispose() => _work.Dispose();
}
