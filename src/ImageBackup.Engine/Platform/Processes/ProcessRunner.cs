using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>How another program ended.</summary>
/// <param name="ExitCode">Null: it could not be started, or it was ended because its time was over.</param>
/// <param name="Output">Its standard output, cut at a bound.</param>
/// <param name="ErrorText">Its error output; or why it could not be started or was ended.</param>
internal sealed record ProgramResult(int? ExitCode, string Output, string ErrorText)
{
    public bool IsGood => ExitCode == 0;

    /// <summary>In words, for messages: what it said, else its exit code.</summary>
    public string Fault
    {
        get
        {
            string said = (ErrorText.Trim().Length > 0 ? ErrorText : Output).Trim();
            string how = ExitCode is { } code ? $"it ended with {code}" : "";
            return said.Length == 0 ? how : how.Length == 0 ? said : $"{how}: {said}";
        }
    }
}

/// <summary>
/// Runs other programs: by an argument list without a shell, or an administrator's command line by the system's shell. Always
/// with a time limit; a program whose time is over is ended with all that it started. Its standard input is empty.
/// </summary>
internal static class ProcessRunner
{
    private const int MaxOutputChars = 256 << 10;
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_drainEnded = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_drainStep = TimeSpan.FromMilliseconds(50);
    private const string UnixShell = "/bin/sh";

    /// <summary>
    /// A terminal sends its signals to all programs of its foreground, ours too: Ctrl+C pressed twice would end the command that
    /// undoes, a closed session the one that takes a snapshot. We end the processes that are to end, with SIGTERM. The arguments of
    /// a program are not read by the shell, which becomes the program.
    /// </summary>
    private const string Shield = "trap '' HUP INT QUIT; ";
    private static readonly bool s_isUnix = !RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly string[] s_directories = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>Where the system keeps a program; null if it is not installed. PATH is not asked: we may be root.</summary>
    public static string? Find(string program)
    {
        foreach (string directory in s_directories)
        {
            string path = Path.Combine(directory, program);
            if (File.Exists(path))
                return path;
        }
        return null;
    }

    /// <exception cref="OperationCanceledException">Cancelled; the program was ended.</exception>
    public static ProgramResult Start(string path, IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellation,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        cancellation.ThrowIfCancellationRequested();
        bool isShielded = s_isUnix && path != UnixShell && File.Exists(path) && File.Exists(UnixShell);
        ProcessStartInfo start = isShielded
            ? ChildProcess.Prepare(UnixShell, ["-c", Shield + "exec \"$0\" \"$@\"", path, .. arguments])
            : ChildProcess.Prepare(path, arguments);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        foreach (KeyValuePair<string, string> variable in environment ?? new Dictionary<string, string>())
            start.Environment[variable.Key] = variable.Value;
        ProcessTree tree;
        try
        {
            tree = ProcessTree.Start(start);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException)
        {
            return new ProgramResult(null, "", $"'{path}' could not be started: {e.Message}");
        }
        using (tree)
            return Wait(tree, path, timeout, cancellation);
    }

    /// <summary>Runs a command line by /bin/sh or cmd.exe.</summary>
    public static ProgramResult Shell(string commandLine, TimeSpan timeout, CancellationToken cancellation, IReadOnlyDictionary<string, string>? environment = null) =>
        RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
            ? Start(Path.Combine(Environment.SystemDirectory, "cmd.exe"), ["/d", "/c", commandLine], timeout, cancellation, environment)
            : Start(UnixShell, ["-c", Shield + commandLine], timeout, cancellation, environment);

    private static ProgramResult Wait(ProcessTree tree, string path, TimeSpan timeout, CancellationToken cancellation)
    {
        Process process = tree.Process;
        process.StandardInput.Close();
        var output = new StringBuilder();
        var error = new StringBuilder();
        // Threads of their own: those of the pool may all be at work elsewhere, and an answer must not be taken for none.
        Thread[] reading = [Read(process.StandardOutput, output), Read(process.StandardError, error)];
        bool ended = tree.WaitOrEnd(Limit(timeout), cancellation);
        bool isWhole = Drain(reading, ended ? s_drain : s_drainEnded, cancellation);
        cancellation.ThrowIfCancellationRequested();
        string said = Text(output), complaint = Text(error);
        return ended
            ? new ProgramResult(process.ExitCode, said, complaint)
            : new ProgramResult(null, said, $"'{Path.GetFileName(path)}' was ended because it took longer than {timeout.TotalSeconds:0.#} s. {complaint}".TrimEnd());

        string Text(StringBuilder text)
        {
            lock (text)
                return isWhole ? text.ToString() : text.Append("...").ToString();
        }
    }

    private static Thread Read(StreamReader reader, StringBuilder text)
    {
        var thread = new Thread(() =>
        {
            char[] buffer = new char[4096];
            try
            {
                for (int count; (count = reader.Read(buffer, 0, buffer.Length)) > 0;)
                {
                    lock (text)
                        text.Append(buffer, 0, Math.Min(count, Math.Max(0, MaxOutputChars - text.Length)));
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The pipe went with the program.
            }
        })
        { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>
    /// A grandchild that went on in the background may keep the pipes: its output is waited for so long only, and not at all
    /// after the run was cancelled.
    /// </summary>
    /// <returns>Whether all was heard.</returns>
    private static bool Drain(Thread[] reading, TimeSpan limit, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        foreach (Thread thread in reading)
        {
            while (!thread.Join(s_drainStep))
            {
                if (clock.Elapsed > limit || (cancellation.IsCancellationRequested && clock.Elapsed > s_drainEnded))
                    return false;
            }
        }
        return true;
    }

    private static TimeSpan Limit(TimeSpan timeout) => TimeSpan.FromMilliseconds(Math.Min(Math.Max(1, timeout.TotalMilliseconds), int.MaxValue));
}
