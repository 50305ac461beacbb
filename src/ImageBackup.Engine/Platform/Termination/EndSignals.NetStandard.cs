using System;

namespace ImageBackup.Engine.Platform.Termination;

/// <summary>
/// Tells when this process is about to end: by SIGTERM, SIGINT, SIGQUIT or SIGHUP (Windows: Ctrl+C, Ctrl+Break, a closed
/// console, a shutdown), by an exception that nobody catches, or in the ordinary way. The process is somebody else's: a signal
/// that another handler cancels is not an end (pwsh stops a pipeline at Ctrl+C), and none is cancelled here.
/// </summary>
/// <remarks>
/// From .NET 10 on the runtime raises ProcessExit for no signal, so each is registered. Before, and on .NET Framework, the
/// runtime raises it for those that end the process. Handlers run in the order of their registration, so those of the program
/// come before ours. Nothing can be done at SIGKILL: for that there are records on the disk.
/// </remarks>
internal static class EndSignals
{
    /// <summary>Once a process. The action must be able to run twice, on any thread, at the same time.</summary>
    public static void Register(Action action)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => action();
        AppDomain.CurrentDomain.UnhandledException += (_, _) => action();
    }
}
