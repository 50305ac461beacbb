using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Threading;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>Several things by one command: each is attempted, and an overall progress record stands above each one's.</summary>
public abstract partial class BackgroundCmdlet
{
    private OverallProgress? _overall;
    private ProgressRecord? _overallShown;

    /// <summary>Attempts one after the other, under an overall progress if there are several.</summary>
    /// <param name="target">What an error record is about.</param>
    /// <param name="usedBytes">What one adds to the whole; null if that is not known beforehand.</param>
    /// <param name="areAll">Nothing comes after these, also if they came down the pipeline.</param>
    private protected void AttemptEach<T>(IReadOnlyList<T> items, Func<T, object?> target, Action<T> action, Func<T, long?>? usedBytes = null, bool areAll = false)
    {
        _overall ??= new OverallProgress(Interlocked.Increment(ref s_lastActivityId)) { IsOpen = !areAll && MyInvocation.ExpectingInput };
        if (items.Count > 1)
        {
            foreach (T item in items)
                _overall.Expect(usedBytes is null ? null : TryMeasure(item, usedBytes));
        }
        foreach (T item in items)
        {
            _overall.Start();
            Attempt(target(item), () => action(item));
        }
        // The next object of a pipeline shows it again.
        if (_overallShown is not null && !Stopping)
        {
            _overallShown.RecordType = ProgressRecordType.Completed;
            WriteProgress(_overallShown);
            _overallShown = null;
        }
    }

    /// <summary>A thing that cannot be measured fails when its turn comes, and adds nothing.</summary>
    private static long? TryMeasure<T>(T item, Func<T, long?> usedBytes)
    {
        try
        {
            return usedBytes(item);
        }
        catch (ImageBackupException failure) when (failure.Id != ErrorId.Cancelled)
        {
            return 0;
        }
    }

    private ProgressRecord NewRecord(string activity)
    {
        var record = new ProgressRecord(Interlocked.Increment(ref s_lastActivityId), activity, " ");
        if (_overall is { IsShown: true } overall)
            record.ParentActivityId = overall.ActivityId;
        return record;
    }

    private void ShowProgress(ProgressRecord record, string activity, JobProgress progress)
    {
        ShowOverall(activity, progress);
        ProgressText.Fill(record, progress, activity, record.ParentActivityId >= 0 ? _overall!.Position : "", ConsoleWidthChars());
        WriteProgress(record);
    }

    private int ConsoleWidthChars()
    {
        try
        {
            return Host.UI?.RawUI?.WindowSize.Width is > 0 and int known ? known : ProgressText.UsualWidthChars;
        }
        catch (Exception e) when (e is HostException or NotImplementedException or InvalidOperationException or System.IO.IOException)
        {
            // A host without a console.
            return ProgressText.UsualWidthChars;
        }
    }

    private void ShowOverall(string activity, JobProgress current)
    {
        if (_overall is not { IsShown: true })
            return;
        _overallShown ??= new ProgressRecord(_overall.ActivityId, MyInvocation.MyCommand.Name, " ");
        _overall.Fill(_overallShown, current);
        _overallShown.CurrentOperation = activity;
        WriteProgress(_overallShown);
    }
}
