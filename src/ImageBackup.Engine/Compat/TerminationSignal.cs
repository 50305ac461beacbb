using System;
#if NET
using System.Runtime.InteropServices;
#endif

namespace ImageBackup.Engine.Compat;

/// <summary>
/// Something to do when the process is told to end: SIGTERM, a closed console, an ordinary end. The runtime raises ProcessExit
/// for SIGTERM too, but not from .NET 10 on. Once a process; what it does must be able to run twice.
/// </summary>
internal static class TerminationSignal
{
#if NET
    private static PosixSignalRegistration? s_registration;

    public static void Register(Action action)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => action();
        // Not cancelled: the process ends afterwards as it would have.
        if (!OperatingSystem.IsWindows())
            s_registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => action());
    }
#else
    public static void Register(Action action) => AppDomain.CurrentDomain.ProcessExit += (_, _) => action();
#endif
}
