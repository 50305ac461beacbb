using System;
using System.Diagnostics;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Undo;

namespace ImageBackup.Pipeline;

/// <summary>
/// The base of every cmdlet. Work that may take long runs on a thread of its own while the pipeline thread, the
/// only one that may write, pumps progress and messages; Ctrl+C cancels the work and waits until it has let go of
/// locks and devices. Every failure becomes an error record here.
/// </summary>
public abstract partial class BackgroundCmdlet : PSCmdlet, IDisposable
{
    private static readonly TimeSpan s_pumpInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>A call into the system that has not returned for so long after the stop is not waited for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_endOfProcess = TimeSpan.FromMinutes(10);
    private static int s_lastActivityId = 20_000;

    private readonly CancellationTokenSource _stopping = new();
    private Stopwatch? _sinceStop;

    /// <summary>Work that was let go of because a device does not answer: it ends, and gives back what it holds, when that answers.</summary>
    private Task? _letGo;

    /// <summary>Something has failed already, and was told.</summary>
    private protected bool HasWrittenError { get; private set; }

    /// <summary>Cancelled when the pipeline is being stopped.</summary>
    private protected CancellationToken Stop => _stopping.Token;

    protected sealed override void BeginProcessing()
    {
        try
        {
            WarnOfPendingUndo();
            Begin();
        }
        catch (Exception failure) when (IsOurs(failure))
        {
            ThrowIfStopping(failure);
            ThrowTerminatingError(ErrorRecords.From(Explained(failure), null));
        }
    }

    protected sealed override void ProcessRecord() => Attempt(null, Process);

    protected sealed override void EndProcessing()
    {
        Attempt(null, End);
        TellOfLostOutput();
    }

    protected sealed override void StopProcessing()
    {
        try
        {
            _stopping.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Stopped while it was being disposed: nothing runs any more.
        }
    }

    /// <summary>Before the first input. A failure here ends the command.</summary>
    private protected virtual void Begin()
    {
    }

    /// <summary>Once an input. A failure here is an error record; the next input follows.</summary>
    private protected virtual void Process()
    {
    }

    /// <summary>After the last input.</summary>
    private protected virtual void End()
    {
    }

    /// <summary>How much of the machine the command's work may take; null: all.</summary>
    private protected virtual WorkPace? Pace => null;

    /// <summary>The command undoes or lists the changes of killed runs: it does not warn of them.</summary>
    private protected virtual bool TellsOfPendingUndo => true;

    /// <summary>A user must learn of a volume that a killed run left read-only before the next backup.</summary>
    private void WarnOfPendingUndo()
    {
        if (!TellsOfPendingUndo)
            return;
        foreach (PendingUndo pending in UndoJob.FindOnMachine())
            WriteWarning($"The changes of a killed run are not undone yet: {pending.Description}. Repair-ImageVolume undoes it; so does the next backup.");
    }

    /// <summary>Does one thing of several: its failure is written as an error record and the others follow.</summary>
    private protected void Attempt(object? target, Action action)
    {
        try
        {
            action();
        }
        catch (Exception failure) when (IsOurs(failure))
        {
            ThrowIfStopping(failure);
            HasWrittenError = true;
            WriteFailure(ErrorRecords.From(Explained(failure), target));
        }
    }

    /// <summary>The failure, or one that says more of its cause and of what to do.</summary>
    private protected virtual Exception Explained(Exception failure) => failure;

    /// <summary>Runs work in the background, pumps what it reports, and gives its result or its failure.</summary>
    /// <param name="activity">What the progress record's first line says.</param>
    /// <param name="work">Must end soon after <see cref="Stop"/> is cancelled.</param>
    private protected T RunInBackground<T>(string activity, Func<CmdletChannel, T> work)
    {
        var channel = new CmdletChannel();
        PendingCallScope? calls = null;
        // Begun here: the process may be told to end before the work's thread runs.
        var running = RunningWork.Begin(_stopping.Cancel);
        // Not bound to the token: work that has not started must still end in the same way as work that has.
        Task<T> task = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    using (calls = PendingCalls.Begin(Stop))
                    using (Pace?.Begin())
                    {
                        Stop.ThrowIfCancellationRequested();
                        return work(channel);
                    }
                }
                finally
                {
                    running.Dispose();
                    channel.End();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        ProgressRecord? shown = null;
        JobProgress? last = null;
        try
        {
            bool ended;
            do
            {
                ended = channel.WaitForEnd(s_pumpInterval);
                if (!ended && LetsGo(task, calls))
                    throw new PipelineStoppedException();
                while (channel.TryTakeMessage(out CmdletChannel.Message? message))
                {
                    if (message.IsWarning)
                        Show(() => WriteWarning(message.Text));
                    else
                        Show(() => WriteVerbose(message.Text));
                }
                while (channel.TryTakeWrite(out Action? write))
                    write();
                if (!ended && channel.TakeProgress() is { } progress)
                {
                    last = progress;
                    shown ??= NewRecord(activity);
                    ProgressRecord record = shown;
                    Show(() => ShowProgress(record, activity, progress));
                }
            }
            while (!ended);
        }
        catch
        {
            // The pipeline is being stopped, or a preference made a warning stop it: the work must have let go of
            // everything before the user gets the prompt back.
            _stopping.Cancel();
            while (_letGo is null && !((IAsyncResult)task).AsyncWaitHandle.WaitOne(s_pumpInterval))
                LetsGo(task, calls);
            throw;
        }
        finally
        {
            if (shown is not null && !Stopping)
            {
                shown.RecordType = ProgressRecordType.Completed;
                Show(() => WriteProgress(shown));
            }
            Show(() => _overall?.Finish(last));
        }
        WaitForProcessEnd();
        return task.GetAwaiter().GetResult();
    }

    /// <summary>
    /// True if the command is being stopped and a call of its work into the system does not return: nothing can interrupt
    /// that, and the user who stopped it gets the prompt back. Work that is busy, tidying up for instance, is waited for.
    /// </summary>
    private bool LetsGo(Task task, PendingCallScope? calls)
    {
        if (!_stopping.IsCancellationRequested)
            return false;
        _sinceStop ??= Stopwatch.StartNew();
        if (_sinceStop.Elapsed < s_patience || calls?.Unanswered(s_patience) is not { } what)
            return false;
        _letGo = task;
        try
        {
            // WriteWarning is closed to a pipeline that is being stopped.
            Host.UI.WriteWarningLine($"'{what}' does not answer. {MyInvocation.MyCommand?.Name} was detached and waits on in the background: "
                + "it gives back the locks, snapshots and mounts that it holds when the device answers, or when this process ends.");
        }
        catch (Exception e) when (e is HostException or NotImplementedException or InvalidOperationException)
        {
            // A host without a console.
        }
        return true;
    }

    /// <summary>Shows something of work that runs. A terminal that was closed ends no backup that is to go on to its end.</summary>
    private static void Show(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when ((e is IOException || e.InnerException is IOException) && RunningWork.IsTerminalLost)
        {
            // The caller is gone; the log has it.
        }
    }

    /// <summary>
    /// The work was cancelled because the process is told to end: the script must not go on.
    /// </summary>
    private static void WaitForProcessEnd()
    {
        var clock = Stopwatch.StartNew();
        while (RunningWork.IsProcessEnding && clock.Elapsed < s_endOfProcess)
            Thread.Sleep(s_pumpInterval);
    }

    private protected void RunInBackground(string activity, Action<CmdletChannel> work) =>
        RunInBackground(activity, channel =>
        {
            work(channel);
            return true;
        });

    /// <summary>
    /// Asks before a thing that destroys data. -Force answers the question, but neither -WhatIf nor an explicit
    /// -Confirm.
    /// </summary>
    private protected bool ShouldProcessUnlessForced(string target, string action, bool force)
    {
        bool asked = MyInvocation.BoundParameters.TryGetValue("Confirm", out object? confirm)
            && LanguagePrimitives.IsTrue(confirm);
        if (!force || asked || IsWhatIf)
            return ShouldProcess(target, action);
        WriteVerbose($"{action}: {target}");
        return true;
    }

    /// <summary>The parameter was given, with whatever value.</summary>
    private protected bool IsGiven(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    /// <summary>-WhatIf, given or by the preference.</summary>
    private protected bool IsWhatIf => MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? bound)
        ? LanguagePrimitives.IsTrue(bound)
        : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    /// <summary>ShouldProcess would ask, by -Confirm or by the preference.</summary>
    private protected bool Asks(ConfirmImpact impact) => MyInvocation.BoundParameters.TryGetValue("Confirm", out object? bound)
        ? LanguagePrimitives.IsTrue(bound)
        : LanguagePrimitives.TryConvertTo(GetVariableValue("ConfirmPreference"), out ConfirmImpact preference) && preference != ConfirmImpact.None && impact >= preference;

    /// <summary>
    /// Throws if a parameter was given and names nothing: $null, which a misspelt variable is, or an empty list. Without the
    /// parameter the command would take another list, or all.
    /// </summary>
    /// <exception cref="ImageBackupException">NoVolume.</exception>
    private protected void ThrowIfNamesNothing(string parameter, int count)
    {
        if (count == 0 && IsGiven(parameter))
            throw new ImageBackupException(ErrorId.NoVolume, $"-{parameter} names no volume: it is $null or an empty list.", parameter);
    }

    /// <summary>
    /// Full path of a path as the user wrote it: relative to the session's location, with its drives. Pipeline
    /// thread only.
    /// </summary>
    private protected string ResolvePath(string path)
    {
        string full;
        ProviderInfo provider;
        try
        {
            full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
        }
        catch (RuntimeException failure) when (failure is not PipelineStoppedException)
        {
            // A drive or provider that does not exist.
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The path '{path}' cannot be used: {failure.Message}", path, failure);
        }
        if (!string.Equals(provider.Name, "FileSystem", StringComparison.OrdinalIgnoreCase))
        {
            throw new ImageBackupException(
                ErrorId.ParameterInvalid, $"'{path}' is not a path of the file system but of the provider {provider.Name}.", path);
        }
        // PowerShell takes a backslash for a separator on every system; on Linux it may be part of a name, and that name wins.
        if (Path.DirectorySeparatorChar == '/' && path.IndexOf('\\') >= 0 && !File.Exists(full)
            && Path.Combine(SessionState.Path.CurrentFileSystemLocation.ProviderPath, path) is var literal && File.Exists(literal))
        {
            return literal;
        }
        return full;
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _stopping.Dispose();
    }

    public void Dispose()
    {
        if (_letGo is { } working)
            working.ContinueWith(_ => Dispose(disposing: true), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        else
            Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>What <see cref="Attempt"/> writes as an error record: neither a word of PowerShell's own nor the end that the user asked for.</summary>
    private protected bool IsFailure(Exception failure) =>
        IsOurs(failure) && !(IsCancellation(failure) && (Stopping || _stopping.IsCancellationRequested));

    private static bool IsCancellation(Exception failure) => failure is OperationCanceledException or ImageBackupException { Id: ErrorId.Cancelled };

    /// <summary>PowerShell's own exceptions (a stopped pipeline, Select-Object -First, break, -ErrorAction Stop) pass through as they are.</summary>
    private static bool IsOurs(Exception failure) => failure is not (RuntimeException or FlowControlException);

    /// <summary>A cancellation that the user asked for is not an error: the pipeline stops without a word.</summary>
    private void ThrowIfStopping(Exception failure)
    {
        if (IsCancellation(failure) && (Stopping || _stopping.IsCancellationRequested))
            throw new PipelineStoppedException();
    }
}
