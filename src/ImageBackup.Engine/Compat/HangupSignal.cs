using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Compat;

/// <summary>
/// While one is held, SIGHUP does not end this process. restic asks whether the process of a lock still lives by sending it
/// that signal, which it ignores itself: whoever holds a lock of restic's protocol has to ignore it too, or dies of the
/// question. Any thread.
/// </summary>
internal sealed class HangupSignal : IDisposable
{
    /// <summary>Who read the lock just before it went may still ask.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly object s_gate = new();
    private static int s_count;
    private bool _disposed;

    private HangupSignal()
    {
    }

    public static HangupSignal Ignore()
    {
        lock (s_gate)
        {
            if (s_count++ == 0 && !s_isWindows)
                Begin();
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

#if NET
    private static PosixSignalRegistration? s_registration;

    private static void Begin() => s_registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);

    private static void End() => s_registration?.Dispose();
#else
    private const int Hangup = 1;
    private static readonly IntPtr s_ignore = new(1);
    private static IntPtr s_before;

    private static void Begin() => s_before = signal(Hangup, s_ignore);

    private static void End() => signal(Hangup, s_before);

    [DllImport("libc", SetLastError = true)]
    private static extern IntPtr signal(int number, IntPtr handler);
#endif
}
