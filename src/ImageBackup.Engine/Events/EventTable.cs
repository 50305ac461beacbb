using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Events;

/// <summary>How much an event matters: syslog's info, warning and err; the Windows log's Information, Warning and Error.</summary>
internal enum EventSeverity
{
    Information,
    Warning,
    Error,
}

/// <summary>One row of the event table.</summary>
internal sealed record EventEntry(EventId Id, EventSeverity Severity, string Meaning, string RecommendedAction);

/// <summary>
/// The table of events. about_ImageBackup_Events is written from it; tests prove that every <see cref="EventId"/> has exactly
/// one row and that the help says the same.
/// </summary>
internal static class EventTable
{
    private static readonly Dictionary<EventId, EventEntry> s_rows = Build();

    public static IReadOnlyCollection<EventEntry> All => s_rows.Values;

    public static EventEntry Get(EventId id) => s_rows[id];

    private static Dictionary<EventId, EventEntry> Build()
    {
        var rows = new Dictionary<EventId, EventEntry>();
        void Row(EventId id, string meaning, string action) =>
            rows.Add(id, new EventEntry(id, (int)id < 2000 ? EventSeverity.Information : (int)id < 3000 ? EventSeverity.Warning : EventSeverity.Error, meaning, action));

        Row(EventId.ImageTaken, "An image was taken and recorded.", "None.");
        Row(EventId.SnapshotTaken, "A volume snapshot was taken.", "None.");
        Row(EventId.VolumeQuiesced, "A volume was quiesced for a static image.", "None.");
        Row(EventId.VolumePutBack, "The volume was put back as it was.", "None.");
        Row(EventId.CommandRun, "A command before or after the snapshot succeeded; its output follows.", "None.");
        Row(EventId.ImageFuzzy, "An image was taken while the volume could be written to.",
            "Check its file system after a restore. Use -ImageType Snapshot or Static if possible.");
        Row(EventId.ImageFailedOver, "No volume snapshot could be taken; the image has another type.",
            "Mend what the event gives as the reason; -NoFailover makes it an error.");
        Row(EventId.ImageWarning, "An image has a warning.", "Read it; it is recorded with the image too.");
        Row(EventId.VolumeBusy, "A volume was in use; the backup waits and tries again.", "None while it ends well.");
        Row(EventId.OrphanSnapshotRemoved, "An orphan snapshot of a killed run was removed.", "Find out why that run was killed.");
        Row(EventId.OrphanVolumePutBack, "A volume that a killed run left read-only was put back.", "Find out why that run was killed.");
        Row(EventId.OrphanCommandRun, "The command after the snapshot of a killed run was run.", "Find out why that run was killed.");
        Row(EventId.PostSnapshotCommandFailed, "The command after the snapshot failed or took too long.",
            "Its output is in the event. Check that the programs that the first command stopped run again.");
        Row(EventId.TerminalLost, "The terminal of a command that holds a lock was closed (SIGHUP); the command goes on to its end.",
            "None if the command may go on; else end the process with SIGTERM: it undoes its changes.");
        Row(EventId.BackupFailed, "A backup failed; no image was recorded.", "Do what the error's text recommends, then run the backup again.");
        Row(EventId.SnapshotFailed, "A volume snapshot could not be taken.", "Run Test-SnapshotProvider for the volume, and mend what it gives as Fault.");
        Row(EventId.SnapshotInvalid, "A volume snapshot was lost while it was copied: its copy-on-write area was full, or the system dropped it.",
            "Give it a larger area with -SnapshotCacheSize or Set-SnapshotProvider.");
        Row(EventId.SnapshotNotRemoved, "A volume snapshot could not be removed.",
            "The next run tries again; the snapshot takes space until then. The event names it.");
        Row(EventId.VolumeInUse, "A volume could not be quiesced in any attempt.", "The event names the processes that hold it. Close them, or take a snapshot.");
        Row(EventId.VolumeNotPutBack, "A volume could not be put back as it was: it may still be read-only.",
            "Remount it by hand ('mount -o remount,rw <mount point>'); the next run tries again.");
        Row(EventId.PreSnapshotCommandFailed, "The command before the snapshot failed or took too long: the backup stopped.",
            "Its output is in the event.");
        return rows;
    }
}
