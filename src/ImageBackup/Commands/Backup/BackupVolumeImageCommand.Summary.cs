using System;
using System.Collections.Generic;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Events;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Which volumes failed: one error at the end says so, whatever was written in between.</summary>
public sealed partial class BackupVolumeImageCommand
{
    private readonly List<string> _failed = [];
    private int _attemptedCount;

    /// <summary>The action for one volume, counted.</summary>
    private Action Counted(object? target, Action action) => () =>
    {
        _attemptedCount++;
        Noted(NameOf(target), action);
    };

    /// <summary>Remembers the failure of an action, which goes on its way.</summary>
    private void Noted(string volume, Action action)
    {
        try
        {
            action();
        }
        catch (Exception failure) when (Note(volume, failure))
        {
            throw;
        }
    }

    private bool Note(string volume, Exception failure)
    {
        // An image with unreadable sectors was made. A pipeline that is being stopped is not a failure of the volume.
        if (IsFailure(failure) && failure is not ImageBackupException { Id: ErrorId.SomeDataUnreadable })
            _failed.Add($"'{volume}' ({ErrorRecords.From(failure, null).FullyQualifiedErrorId})");
        return false;
    }

    /// <summary>What is done before a volume's job, which logs its own failures: the event log tells of a disk that is gone, too.</summary>
    private T Logged<T>(string volume, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (ImageBackupException e) when (!IsWhatIf)
        {
            BackupJob.LogFailure(EventLog.Current, volume, e);
            throw;
        }
    }

    private void ThrowIfSomeFailed()
    {
        // The error of a single volume says it all, and -WhatIf backs nothing up.
        if (_failed.Count == 0 || _attemptedCount < 2 || IsWhatIf)
            return;
        throw new ImageBackupException(ErrorId.SomeVolumesFailed,
            $"{_failed.Count} of {_attemptedCount} volumes {(_failed.Count == 1 ? "was" : "were")} not backed up: {string.Join(", ", _failed)}.");
    }
}
