using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Undo;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>
/// Undoes what runs that were killed left: volumes that are still read-only, volume snapshots, commands after a snapshot that
/// were not run.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "ImageVolume", SupportsShouldProcess = true)]
[OutputType(typeof(PendingUndo))]
public sealed class RepairImageVolumeCommand : BackgroundCmdlet
{
    /// <summary>Only what belongs to these volumes; by default everything.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "Name")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [SupportsWildcards]
    public VolumeArgument[]? Volume { get; set; }

    private protected override bool TellsOfPendingUndo => false;

    private protected override void Process()
    {
        IReadOnlyList<PendingUndo> all = UndoJob.FindOnMachine();
        if (Volume is null)
        {
            if (!MyInvocation.ExpectingInput)
                Undo(all);
            return;
        }
        foreach (VolumeArgument volume in Volume)
            Attempt(volume.Input, () => Undo([.. all.Where(Names(volume))]));
    }

    private void Undo(IReadOnlyList<PendingUndo> found)
    {
        foreach (PendingUndo pending in found)
        {
            Attempt(pending, () =>
            {
                if (ShouldProcess(pending.Volume ?? pending.Name, ActionOf(pending)))
                    WriteObject(RunInBackground("Undoing the changes of a killed run", channel => UndoJob.OfMachine(channel.WriteVerbose).Undo(pending)));
            });
        }
    }

    private static string ActionOf(PendingUndo pending) => pending.Kind switch
    {
        PendingUndoKind.ReadOnlyVolume => $"Make writable again at {pending.Name}",
        PendingUndoKind.VolumeSnapshot => $"Remove the snapshot {pending.Name}",
        _ => $"Run the command {pending.Name}",
    };

    /// <summary>By the record's text or pattern; or by any name of a volume that exists.</summary>
    private Func<PendingUndo, bool> Names(VolumeArgument volume)
    {
        string full = VolumeNames.FullSource(volume, ResolvePath);
        var pattern = new WildcardPattern(volume.IsFullPath ? WildcardPattern.Escape(full) : volume.Name!, WildcardOptions.IgnoreCase);
        // A record may be of a volume that is gone.
        ImageVolume? found = WildcardPattern.ContainsWildcardCharacters(volume.Name!) && !volume.IsFullPath ? null : TryFind(full);
        return pending => pending.Volume is { } name && (name == full || pattern.IsMatch(name) || name == found?.Name || name == found?.Description.DevicePath);
    }

    private ImageVolume? TryFind(string full)
    {
        try
        {
            return RunInBackground("Looking at volumes", _ => VolumeNames.Find(full, Stop));
        }
        catch (ImageBackup.ImageBackupException)
        {
            return null;
        }
    }
}
