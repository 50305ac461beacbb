using System;
using System.Threading;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots.Commands;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>
/// A pair of commands whose first one was begun: the second one runs when this is disposed, on every way out and at the
/// process's end, and, if the process is killed, by the run that finds its record. It is not cancelled; its time limit ends it.
/// </summary>
internal sealed class BegunCommands : IDisposable
{
    private readonly SnapshotCommands _commands;
    private readonly Func<SnapshotCommands, bool> _runAfter;
    private readonly IUndoRecord? _record;
    private readonly ExitUndo _exit;
    private bool _hasBegun;

    private BegunCommands(SnapshotCommands commands, IUndoRecord? record, Func<SnapshotCommands, bool> runAfter)
    {
        _commands = commands;
        _record = record;
        _runAfter = runAfter;
        _exit = ExitCleanup.Hold(Finish);
    }

    /// <summary>Writes down and registers that the second command must run. Starts nothing.</summary>
    /// <param name="commands">The pair.</param>
    /// <param name="records">Where it is written down; null: nowhere.</param>
    /// <param name="runAfter">Runs the second command; false if it failed.</param>
    /// <exception cref="ImageBackupException">SnapshotCommandFailed: it could not be written down.</exception>
    /// <exception cref="OperationCanceledException">The process is ending.</exception>
    public static BegunCommands Begin(SnapshotCommands commands, PostCommandRecords? records, Func<SnapshotCommands, bool> runAfter)
    {
        IUndoRecord? record = commands.After is not { } after || records is null ? null : records.Begin(new PostCommand
        {
            CommandLine = after,
            VolumeName = commands.VolumeName,
            Timeout = commands.Timeout,
            Variables = commands.Variables,
            Id = commands.Id,
        });
        try
        {
            return new BegunCommands(commands, record, runAfter);
        }
        catch
        {
            record?.Remove();
            throw;
        }
    }

    /// <summary>Runs the first command. If the process is told to end, it is ended with all that it started.</summary>
    public ProgramResult RunBefore(string before, CancellationToken cancellation) => _exit.Do(ending =>
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, ending);
        _hasBegun = true;
        return ProcessRunner.Shell(before, _commands.Timeout, stop.Token, _commands.Variables);
    });

    public void Dispose() => _exit.Dispose();

    private void Finish()
    {
        // Without a first command the second one belongs to the snapshot, which is tried after this was begun.
        bool isDone = (!_hasBegun && _commands.Before is not null) || _runAfter(_commands);
        if (isDone)
            _record?.Remove();
        else
            _record?.Dispose();
    }
}
