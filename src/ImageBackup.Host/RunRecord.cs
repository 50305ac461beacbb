using System.Management.Automation;
using System.Management.Automation.Runspaces;
using ImageBackup.Session;

namespace ImageBackup.Host;

/// <summary>
/// What the session's pipelines did, as far as the exit code depends on it. PowerShell sends the output and the errors of each
/// pipeline to Out-Default; <see cref="RecordingOutDefaultCommand"/> takes its place and tells this class.
/// </summary>
/// <remarks>
/// The exit code is decided in this order: the code of an 'exit' in the script; 130 if the last pipeline was stopped (Ctrl+C); the
/// gravest code of the errors that were shown (<see cref="ExitCode.Graver"/>); what PowerShell itself says. An error that a script
/// catches or silences is not shown, and does not count.
/// </remarks>
internal static class RunRecord
{
    private enum PipelineEnd
    {
        None,
        Whole,
        Stopped,

        /// <summary>Neither to its end nor stopped. If an error was the cause, the console shows it by another pipeline.</summary>
        BrokenOff,
    }

    private static RecordingOutDefaultCommand? s_outermost;
    private static PipelineEnd s_lastEnd;
    private static int s_errorCode = ExitCode.Success;

    /// <summary>Puts the recording Out-Default into a session.</summary>
    public static void Attach(InitialSessionState state)
    {
        state.Commands.Remove("Out-Default", typeof(SessionStateCmdletEntry));
        state.Commands.Add(new SessionStateCmdletEntry("Out-Default", typeof(RecordingOutDefaultCommand), null));
    }

    /// <param name="consoleCode">What <see cref="Microsoft.PowerShell.ConsoleShell"/> gave.</param>
    public static int ExitCodeOf(int consoleCode) => s_lastEnd switch
    {
        // PowerShell's own failures (64 bad switches, 70 it could not start) and 'exit n' are kept.
        _ when consoleCode is not (ExitCode.Success or ExitCode.Failure) => consoleCode,
        PipelineEnd.BrokenOff => consoleCode,
        PipelineEnd.Stopped => ExitCode.Cancelled,
        _ => s_errorCode == ExitCode.Success ? consoleCode : s_errorCode,
    };

    public static void Begin(RecordingOutDefaultCommand command)
    {
        // A script may use Out-Default itself: that is inside of the pipeline that counts.
        s_outermost ??= command;
    }

    public static void Error(ErrorRecord error) => s_errorCode = ExitCode.Graver(s_errorCode, ExitCode.Of(error));

    public static void End(RecordingOutDefaultCommand command) => Close(command, PipelineEnd.Whole);

    public static void Stop(RecordingOutDefaultCommand command) => Close(command, PipelineEnd.Stopped);

    /// <summary>PowerShell disposes of each command, also of one that came to its end.</summary>
    public static void Dispose(RecordingOutDefaultCommand command) => Close(command, PipelineEnd.BrokenOff);

    private static void Close(RecordingOutDefaultCommand command, PipelineEnd end)
    {
        if (s_outermost != command)
            return;
        s_outermost = null;
        s_lastEnd = end;
    }
}
