using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Pipeline;

namespace ImageBackup;

/// <summary>
/// What -AsJob gives: the command, run in a runspace of its own in this process. Get-Job, Receive-Job, Wait-Job and
/// Remove-Job take it as any other; Stop-Job stops the command as Ctrl+C would and comes back when it has let go of locks
/// and devices. Its streams are the command's.
/// </summary>
public sealed class ImageBackupJob : Job
{
    /// <summary>Progress is about now: five records a second for hours would only fill memory.</summary>
    private const int MaxProgressRecords = 200;

    /// <summary>How long those who hear of a job's end may take, before the caller that stops it goes on.</summary>
    private static readonly TimeSpan s_telling = TimeSpan.FromSeconds(10);

    private readonly IReadOnlyList<JobStep> _steps;
    private readonly Action _release;
    private readonly object _gate = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly ManualResetEventSlim _told = new();
    private Thread? _thread;
    private PowerShell? _running;
    private bool _hadErrors;
    private volatile bool _hadOutput;
    private bool _isStopping;
    private string _status = "";

    /// <param name="line">The command line, for display.</param>
    /// <param name="release">Called once, when the job has ended: disposes what the caller handed over.</param>
    internal ImageBackupJob(string line, IReadOnlyList<JobStep> steps, Action release)
        : base(DisplayText.Line(line))
    {
        _steps = steps;
        _release = release;
        PSJobTypeName = nameof(ImageBackupJob);
        Progress.DataAdded += OnProgress;
    }

    /// <summary>What the newest progress record says.</summary>
    public override string StatusMessage => _status;

    public override bool HasMoreData =>
        Output.Count > 0 || Error.Count > 0 || Warning.Count > 0 || Verbose.Count > 0 || Progress.Count > 0 || Debug.Count > 0
        || Information.Count > 0;

    public override string Location => Environment.MachineName;

    internal void Start()
    {
        SetJobState(JobState.Running);
        _thread = new Thread(Run) { IsBackground = true, Name = "ImageBackup job" };
        _thread.Start();
    }

    public override void StopJob()
    {
        lock (_gate)
        {
            if (!_ended.IsSet)
            {
                _isStopping = true;
                _running?.BeginStop(null, null);
            }
        }
        _ended.Wait();
        // A caller that stops a job sees it stopped afterwards. But a listener that hears of its end may stop it in turn, on the thread that tells.
        if (Thread.CurrentThread != _thread)
            _told.Wait(s_telling);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            StopJob();
            Progress.DataAdded -= OnProgress;
        }
        base.Dispose(disposing);
    }

    private void Run()
    {
        var state = JobState.Completed;
        try
        {
            using Runspace runspace = NewRunspace();
            foreach (JobStep step in _steps)
                Run(runspace, step);
            if (_hadErrors && !_hadOutput)
                state = JobState.Failed;
        }
        catch (PipelineStoppedException)
        {
            state = JobState.Stopped;
        }
        catch (Exception failure)
        {
            // On any failure the job must end and say so.
            Error.Add((failure as RuntimeException)?.ErrorRecord ?? ErrorRecords.From(failure, null));
            state = JobState.Failed;
        }
        finally
        {
            _release();
            lock (_gate)
            {
                if (_isStopping)
                    state = JobState.Stopped;
                _ended.Set();
            }
            SetJobState(state);
            _told.Set();
        }
    }

    private void Run(Runspace runspace, JobStep step)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = runspace;
        shell.AddCommand(step.Command);
        foreach (KeyValuePair<string, object?> parameter in step.Parameters)
            shell.AddParameter(parameter.Key, parameter.Value);
        Output.DataAdded += NoteOutput;
        shell.Streams.Error = Error;
        shell.Streams.Warning = Warning;
        shell.Streams.Verbose = Verbose;
        shell.Streams.Debug = Debug;
        shell.Streams.Progress = Progress;
        shell.Streams.Information = Information;
        lock (_gate)
        {
            if (_isStopping)
                throw new PipelineStoppedException();
            _running = shell;
        }
        try
        {
            shell.Invoke<object, PSObject>(step.Input, Output, null);
        }
        finally
        {
            Output.DataAdded -= NoteOutput;
            _hadErrors |= shell.HadErrors;
            lock (_gate)
                _running = null;
        }
    }

    private void NoteOutput(object? sender, DataAddedEventArgs added) => _hadOutput = true;

    /// <summary>The cmdlets alone: the objects that they are given were resolved in the caller's session.</summary>
    private static Runspace NewRunspace()
    {
        var state = InitialSessionState.CreateDefault2();
        foreach (Type type in typeof(ImageBackupJob).Assembly.GetExportedTypes())
        {
            foreach (CmdletAttribute cmdlet in type.GetCustomAttributes(typeof(CmdletAttribute), inherit: false))
                state.Commands.Add(new SessionStateCmdletEntry($"{cmdlet.VerbName}-{cmdlet.NounName}", type, null));
        }
        Runspace runspace = RunspaceFactory.CreateRunspace(state);
        runspace.Open();
        return runspace;
    }

    private void OnProgress(object? sender, DataAddedEventArgs added)
    {
        try
        {
            var records = (PSDataCollection<ProgressRecord>)sender!;
            _status = records[added.Index].StatusDescription ?? "";
            while (records.Count > MaxProgressRecords)
                records.RemoveAt(0);
        }
        catch (ArgumentOutOfRangeException)
        {
            // Somebody received the records meanwhile.
        }
    }
}
