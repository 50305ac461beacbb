using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Programs;
using ImageBackup.Engine.Volumes.Snapshots;

namespace ImageBackup.Engine.Jobs;

internal sealed partial class SourceTaker
{
    private BackupSource TakeSnapshot(BackupRequest request, ISnapshotProvider provider, List<string> warnings, CancellationToken cancellation)
    {
        ISnapshotSet set = TakeSet(provider, [request.Volume], request.Quiet, warnings, cancellation);
        try
        {
            return Freeze(request.Volume, new TakenSnapshot(set, set.Snapshots[0]), ownsSet: true, warnings);
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes one set, with the commands before and after it. The second command runs also where the snapshot failed: what
    /// the first one stopped must run again.
    /// </summary>
    /// <exception cref="ImageBackupException">SnapshotCommandFailed: nothing was taken; SnapshotFailed ...</exception>
    public ISnapshotSet TakeSet(ISnapshotProvider provider, IReadOnlyList<VolumeDescription> taken, QuietOptions quiet, List<string> warnings,
        CancellationToken cancellation)
    {
        if (quiet.PreSnapshotCommand is { } before)
        {
            ProgramResult result = ProgramRun.Shell(before, quiet.CommandTimeout, cancellation, CommandVariables(taken));
            if (!result.IsGood)
            {
                string message = $"The command before the snapshot failed ({result.Fault}): {before}";
                events.Write(EventId.PreSnapshotCommandFailed, WithOutput(message, result), taken[0].Name, nameof(ErrorId.SnapshotCommandFailed));
                // It may have stopped half of what it was to stop.
                RunAfter(taken, quiet, warnings);
                throw new ImageBackupException(ErrorId.SnapshotCommandFailed, message, taken[0].Name);
            }
            SayRun(before, result, taken[0].Name);
        }
        try
        {
            ISnapshotSet set = provider.Create(taken, quiet.Snapshot, tell, cancellation);
            events.Write(EventId.SnapshotTaken, $"{provider.Name} took a snapshot: {string.Join(", ", Paths(set))}.", taken[0].Name);
            return set;
        }
        finally
        {
            RunAfter(taken, quiet, warnings);
        }
    }

    /// <summary>Not cancelled: it undoes what the first command did. Its time limit ends it.</summary>
    private void RunAfter(IReadOnlyList<VolumeDescription> taken, QuietOptions quiet, List<string> warnings)
    {
        if (quiet.PostSnapshotCommand is not { } after)
            return;
        ProgramResult result = ProgramRun.Shell(after, quiet.CommandTimeout, CancellationToken.None, CommandVariables(taken));
        if (result.IsGood)
        {
            SayRun(after, result, taken[0].Name);
            return;
        }
        string message = $"The command after the snapshot failed ({result.Fault}): {after}";
        warnings.Add(message);
        events.Write(EventId.PostSnapshotCommandFailed, WithOutput(message, result), taken[0].Name);
    }

    private BackupSource Freeze(VolumeDescription volume, TakenSnapshot taken, bool ownsSet, List<string> warnings)
    {
        IBlockReader reader = taken.Snapshot.OpenRead();
        warnings.AddRange(taken.Set.Warnings);
        tell($"{volume.Name}: read from the snapshot {taken.Snapshot.DevicePath}.");
        return BackupSource.Frozen(volume, taken, reader, ownsSet, events);
    }

    private void SayRun(string command, ProgramResult result, string volume)
    {
        events.Write(EventId.CommandRun, WithOutput($"'{command}' ended well.", result), volume);
        tell(WithOutput($"'{command}' ended well.", result));
    }

    private static string WithOutput(string message, ProgramResult result)
    {
        string output = (result.Output + result.ErrorText).Trim();
        return output.Length == 0 ? message : message + Environment.NewLine + output;
    }

    private static Dictionary<string, string> CommandVariables(IReadOnlyList<VolumeDescription> taken) => new()
    {
        ["IMAGEBACKUP_VOLUME"] = taken[0].Name,
        ["IMAGEBACKUP_DEVICE"] = taken[0].DevicePath,
        ["IMAGEBACKUP_MOUNTPOINT"] = taken[0].MountPoints.Count > 0 ? taken[0].MountPoints[0] : "",
    };

    private static IEnumerable<string> Paths(ISnapshotSet set)
    {
        foreach (ISnapshot snapshot in set.Snapshots)
            yield return $"{snapshot.DevicePath} of {snapshot.Volume.Name}";
    }
}
