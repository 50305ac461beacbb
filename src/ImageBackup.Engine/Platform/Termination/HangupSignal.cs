using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Platform.Termination;

/// <summary>
/// While one is held, SIGHUP does not end this process. restic asks whether the process of a lock still lives by sending it
/// that signal, which it ignores itself: a process that holds a lock of restic's protocol has to ignore it too, or dies of the
/// question. Any thread.
/// </summary>
internal sealed partial class HangupSignal : IDisposable
{
    /// <summary>Who read the lock just before it went may still ask.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly object s_gate = new();
    private static int s_count;
    private static bool s_hadTerminal;
    private static bool s_isLost;
    private static Action? s_terminalLost;
    private bool _disposed;

    private HangupSignal()
    {
    }

    /// <summary>SIGHUP does not end the process now.</summary>
    public static bool IsIgnored
    {
        get
        {
            lock (s_gate)
                return s_count > 0 && !s_isWindows;
        }
    }

    /// <summary>The terminal of this process has been closed while SIGHUP was ignored: nothing more can be shown.</summary>
    public static bool IsTerminalLost
    {
        get
        {
            lock (s_gate)
                return s_isLost |= s_count > 0 && s_hadTerminal && !HasTerminal();
        }
    }

    /// <summary>
    /// What is called, on any thread and once each time, when a SIGHUP is ignored that is nobody's question: the terminal that
    /// this process was started from has been closed.
    /// </summary>
    public static void OnTerminalLost(Action action) => s_terminalLost = action;

    public static HangupSignal Ignore()
    {
        lock (s_gate)
        {
            if (s_count++ == 0 && !s_isWindows)
            {
                s_hadTerminal = HasTerminal();
                Begin();
            }
        }
        return new HangupSignal();
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = Task.Delay(s_grace).ContinueWith(_ => Release(), TaskScheduler.Default);
    }

    private static void Release()
    {
        lock (s_gate)
        {
            if (--s_count == 0 && !s_isWindows)
                End();
        }
    }

    /// <summary>Whether this process has a controlling terminal that can be opened: tty(4), "/dev/tty".</summary>
    private static bool HasTerminal()
    {
        int descriptor = open("/dev/tty", OpenReadWrite | OpenNoControllingTerminal);
        if (descriptor < 0)
            return false;
        _ = close(descriptor);
        return true;
    }

    private const int OpenReadWrite = 2, OpenNoControllingTerminal = 0x100;

    [DllImport("libc", SetLastError = true)]
    private static extern int open([MarshalAs(UnmanagedType.LPStr)] string path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int descriptor);
}
