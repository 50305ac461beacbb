using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Termination;

internal sealed partial class HangupSignal
{
    // The system ignores it for us, so nobody hears of it here.
    private const int Hangup = 1;
    private static readonly IntPtr s_ignore = new(1);
    private static IntPtr s_before;

    private static void Begin() => s_before = signal(Hangup, s_ignore);

    private static void End() => signal(Hangup, s_before);

    [DllImport("libc", SetLastError = true)]
    private static extern IntPtr signal(int number, IntPtr handler);
}
