using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Termination;

internal sealed partial class HangupSignal
{
    private static PosixSignalRegistration? s_registration;

    private static void Begin() => s_registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
    {
        context.Cancel = true;
        Notice();
    });

    /// <summary>restic asks by the same signal: only the terminal tells which it was.</summary>
    private static void Notice()
    {
        lock (s_gate)
        {
            if (!s_hadTerminal || HasTerminal())
                return;
            s_hadTerminal = false;
            s_isLost = true;
        }
        s_terminalLost?.Invoke();
    }

    private static void End() => s_registration?.Dispose();
}
