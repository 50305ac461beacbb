using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>One snapshot for all volumes of the pipeline.</summary>
public sealed partial class BackupVolumeImageCommand
{
    private readonly List<BackupRequest> _collected = [];
    private readonly Dictionary<string, long> _collectedBytes = new(StringComparer.Ordinal);

    /// <summary>Set by the thread that takes them: the pipeline may be stopped before it hears of them.</summary>
    private volatile SharedSnapshots? _shared;

    /// <summary>
    /// All volumes of the command are frozen at one and the same moment, if they are taken by snapshot and their provider
    /// can; they are backed up when the last one is known.
    /// </summary>
    [Parameter]
    public SwitchParameter SnapshotSet { get; set; }

    /// <summary>What is only collected now shows no progress yet.</summary>
    private void ForEach<T>(IReadOnlyList<T> items, Func<T, object?> target, Action<T> action, Func<T, long?>? usedBytes)
    {
        void Count(T item) => Counted(target(item), () => action(item))();
        if (!SnapshotSet)
        {
            AttemptEach(items, target, Count, usedBytes);
            return;
        }
        foreach (T item in items)
            Attempt(target(item), () => Count(item));
    }

    private void Collect(BackupRequest request, ImageVolume volume)
    {
        _collected.Add(request);
        _collectedBytes[request.Volume.Name] = volume.UsedBytes ?? volume.SizeBytes;
    }

    private void BackupCollected()
    {
        if (_collected.Count == 0)
            return;
        CmdletChannel? current = null;
        BackupJob JobOf(CmdletChannel channel)
        {
            // The set outlives the job that takes it, and speaks to whichever runs.
            current = channel;
            return Job(line => current.WriteVerbose(line), line => current.WriteWarning(line));
        }
        try
        {
            RunInBackground("Taking snapshots", channel => _shared = JobOf(channel).Share(_collected, Stop));
            SharedSnapshots shared = _shared!;
            AttemptEach(
                shared.Requests,
                request => request.Volume.Name,
                request => Noted(request.Volume.Name, () => WriteImage(RunInBackground(ActivityOf(request), channel => Run(request, shared, JobOf(channel), channel)))),
                request => _collectedBytes[request.Volume.Name],
                areAll: true);
        }
        finally
        {
            _shared?.Dispose();
        }
    }

    private ImageBackupInfo Run(BackupRequest request, SharedSnapshots shared, BackupJob job, CmdletChannel channel)
    {
        bool succeeded = false;
        try
        {
            ImageBackupInfo image = job.Run(request, channel, Stop);
            succeeded = true;
            return image;
        }
        finally
        {
            foreach (string warning in shared.End(request, succeeded))
                channel.WriteWarning(warning);
        }
    }
}
