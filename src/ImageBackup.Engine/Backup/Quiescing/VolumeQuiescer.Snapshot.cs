using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

internal sealed partial class VolumeQuiescer
{
    private BackupSource TakeSnapshot(BackupRequest request, ISnapshotProvider provider, List<string> warnings, CancellationToken cancellation)
    {
        if (request.RefusedSnapshot is { } refused)
        {
            warnings.AddRange(refused.Warnings);
            throw new ImageBackupException(refused.Reason.Id, refused.Reason.Message, request.Volume.Name, refused.Reason);
        }
        ISnapshotSet set = TakeSet(provider, [request], warnings, cancellation);
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
    /// Takes one set, with the commands before and after it. The second command runs also if the snapshot failed: what
    /// the first one stopped must run again.
    /// </summary>
    /// <exception cref="ImageBackupException">SnapshotCommandFailed: nothing was taken; SnapshotFailed ...</exception>
    public ISnapshotSet TakeSet(ISnapshotProvider provider, IReadOnlyList<BackupRequest> requests, List<string> warnings, CancellationToken cancellation)
    {
        var begun = new Stack<BegunCommands>();
        try
        {
            foreach (SnapshotCommands commands in SnapshotCommands.Of(requests))
            {
                var pair = BegunCommands.Begin(commands, providers.PostCommands, ended => RunAfter(ended, warnings));
                begun.Push(pair);
                RunBefore(pair, commands, cancellation);
            }
            ISnapshotSet set = provider.Create([.. requests.Select(request => request.Volume)], OptionsOf(requests), writeVerbose, cancellation);
            events.Write(EventId.SnapshotTaken, $"{provider.Name} took a snapshot: {string.Join(", ", Paths(set))}.", requests[0].Volume.Name);
            return set;
        }
        finally
        {
            // One that failed may have stopped half of what it was to stop.
            foreach (BegunCommands pair in begun)
                pair.Dispose();
        }
    }

    /// <summary>One set has one room: the largest that any of its volumes asks for.</summary>
    private static SnapshotOptions OptionsOf(IReadOnlyList<BackupRequest> requests) =>
        requests[0].Quiesce.Snapshot with { CacheSizePercent = requests.Max(request => request.Quiesce.Snapshot.CacheSizePercent) };

    private void RunBefore(BegunCommands pair, SnapshotCommands commands, CancellationToken cancellation)
    {
        if (commands.Before is not { } before)
            return;
        ProgramResult result = pair.RunBefore(before, cancellation);
        if (result.IsGood)
        {
            SayRun(before, result, commands.VolumeName);
            return;
        }
        string message = $"The command before the snapshot failed ({result.Fault}): {before}";
        events.Write(EventId.PreSnapshotCommandFailed, WithOutput(message, result), commands.VolumeName, nameof(ErrorId.SnapshotCommandFailed));
        throw new ImageBackupException(ErrorId.SnapshotCommandFailed, message, commands.VolumeName);
    }

    /// <summary>Not cancelled: it undoes what the first command did. Its time limit ends it. False if it failed.</summary>
    private bool RunAfter(SnapshotCommands commands, List<string> warnings)
    {
        if (commands.After is not { } after)
            return true;
        ProgramResult result = ProcessRunner.Shell(after, commands.Timeout, CancellationToken.None, commands.Variables);
        if (result.IsGood)
        {
            SayRun(after, result, commands.VolumeName);
            return true;
        }
        string message = $"The command after the snapshot failed ({result.Fault}): {after}";
        warnings.Add(message);
        events.Write(EventId.PostSnapshotCommandFailed, WithOutput(message, result), commands.VolumeName);
        return false;
    }

    private BackupSource Freeze(VolumeDescription volume, TakenSnapshot taken, bool ownsSet, List<string> warnings)
    {
        warnings.AddRange(taken.Set.Warnings);
        warnings.AddRange(taken.Warnings);
        writeVerbose($"{volume.Name}: read from the snapshot {taken.Snapshot.DevicePath}.");
        // Opened last: from here on the source, which closes it before the snapshot is removed, answers for it.
        IBlockReader reader = taken.Snapshot.OpenRead();
        return BackupSource.FromSnapshot(volume, taken, reader, ownsSet, events);
    }

    private void SayRun(string command, ProgramResult result, string volume)
    {
        events.Write(EventId.CommandRun, WithOutput($"'{command}' succeeded.", result), volume);
        writeVerbose(WithOutput($"'{command}' succeeded.", result));
    }

    private static string WithOutput(string message, ProgramResult result)
    {
        string output = (result.Output + result.ErrorText).Trim();
        return output.Length == 0 ? message : message + Environment.NewLine + output;
    }

    private static IEnumerable<string> Paths(ISnapshotSet set)
    {
        foreach (ISnapshot snapshot in set.Snapshots)
            yield return $"{snapshot.DevicePath} of {snapshot.Volume.Name}";
    }
}
