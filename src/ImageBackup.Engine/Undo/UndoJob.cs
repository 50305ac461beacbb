using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Undo;

/// <summary>Finds and undoes the changes of killed runs: quiesced volumes, volume snapshots, commands that did not run.</summary>
/// <param name="volumes">The system's volumes.</param>
/// <param name="providers">The snapshot providers.</param>
/// <param name="events">The machine's logs; null: none.</param>
/// <param name="writeVerbose">Lines for -Verbose; null: none.</param>
internal sealed class UndoJob(IVolumeSystem volumes, SnapshotProviders providers, EventLog? events = null, Action<string>? writeVerbose = null)
{
    private readonly EventLog _events = events ?? EventLog.Silent;
    private readonly Action<string> _writeVerbose = writeVerbose ?? (_ => { });

    /// <summary>This machine's.</summary>
    public static UndoJob OfMachine(Action<string>? writeVerbose = null) => new(VolumeSystem.Current, SnapshotProviders.Current, EventLog.Current, writeVerbose);

    /// <summary>The changes to undo on this machine; none on a system whose volumes cannot be imaged. Never throws.</summary>
    public static IReadOnlyList<PendingUndo> FindOnMachine()
    {
        try
        {
            return OfMachine().Find();
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.NotSupported)
        {
            return [];
        }
    }

    /// <summary>The changes to undo, as far as this user may see them. Changes nothing; reads two directories. Never throws.</summary>
    public IReadOnlyList<PendingUndo> Find()
    {
        var found = new List<PendingUndo>();
        foreach (LeftVolume left in volumes.FindLeftQuiesced())
            found.Add(new PendingUndo { Kind = PendingUndoKind.ReadOnlyVolume, Volume = left.Name, Name = left.MountPoint });
        foreach (ISnapshotProvider provider in providers.All)
        {
            foreach (OrphanSnapshot leftover in provider.FindOrphans())
                found.Add(Of(PendingUndoKind.VolumeSnapshot, leftover, provider.Name));
        }
        foreach (OrphanSnapshot leftover in providers.PostCommands?.FindOrphans() ?? [])
            found.Add(Of(PendingUndoKind.PostSnapshotCommand, leftover, provider: null));
        return found;
    }

    /// <summary>
    /// Undoes every change; a change that cannot be undone is logged and its record stays. In this order: snapshots, then the commands
    /// that follow them.
    /// </summary>
    public void UndoAll()
    {
        SayPutBack(volumes.RestoreLeftQuiesced());
        foreach (PendingUndo pending in Find().Where(pending => pending.Orphan is not null))
            TryUndo(pending);
    }

    /// <summary>Undoes one of <see cref="Find"/>'s.</summary>
    /// <returns>The same, undone.</returns>
    /// <exception cref="ImageBackupException">UndoFailed: it could not be; its record stays.</exception>
    public PendingUndo Undo(PendingUndo pending)
    {
        if (pending is null)
            throw new ArgumentNullException(nameof(pending));
        string? fault = pending.Orphan is not null ? TryUndo(pending) : PutBack(pending);
        return fault is null && !Find().Any(pending.IsSameAs)
            ? pending with { IsUndone = true }
            : throw new ImageBackupException(ErrorId.UndoFailed, fault ?? $"The changes are not undone yet: {pending.Description}.", pending.Volume ?? pending.Name);
    }

    private static PendingUndo Of(PendingUndoKind kind, OrphanSnapshot leftover, string? provider) =>
        new() { Kind = kind, Volume = leftover.VolumeName, Provider = provider, Name = leftover.Name, Orphan = leftover };

    /// <summary>Gives why it could not be; null if it is writable again.</summary>
    private string? PutBack(PendingUndo pending)
    {
        IReadOnlyList<string> lines = volumes.RestoreLeftQuiesced(pending.Volume);
        SayPutBack(lines);
        return volumes.FindLeftQuiesced().Any(left => left.Name == pending.Volume) ? string.Join(" ", lines) : null;
    }

    private void SayPutBack(IReadOnlyList<string> lines)
    {
        IReadOnlyList<LeftVolume> still = lines.Count == 0 ? [] : volumes.FindLeftQuiesced();
        foreach (string line in lines)
        {
            bool isStill = still.Any(left => line.IndexOf($"'{left.Name}'", StringComparison.Ordinal) >= 0);
            _events.Write(isStill ? EventId.VolumeNotPutBack : EventId.OrphanVolumePutBack, line);
            _writeVerbose(line);
        }
    }

    /// <summary>Gives why it could not be; null if it is undone.</summary>
    private string? TryUndo(PendingUndo pending)
    {
        bool isCommand = pending.Kind == PendingUndoKind.PostSnapshotCommand;
        try
        {
            if (isCommand)
                providers.PostCommands!.Run(pending.Orphan!, _writeVerbose);
            else
                providers.Get(pending.Provider!).Remove(pending.Orphan!, _writeVerbose);
            string line = isCommand
                ? $"The command after the snapshot of '{pending.Volume}', which a killed run did not reach, was run: {pending.Name}"
                : $"The orphan snapshot '{pending.Name}' of a killed run was removed.";
            _events.Write(isCommand ? EventId.OrphanCommandRun : EventId.OrphanSnapshotRemoved, line, pending.Volume);
            _writeVerbose(line);
            return null;
        }
        catch (ImageBackupException e)
        {
            _events.Write(isCommand ? EventId.PostSnapshotCommandFailed : EventId.SnapshotNotRemoved, e.Message, pending.Volume, e.Id.ToString());
            _writeVerbose(e.Message);
            return e.Message;
        }
    }
}
