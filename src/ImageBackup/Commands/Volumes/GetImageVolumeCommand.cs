using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Undo;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Commands;

/// <summary>
/// Lists the volumes of this machine that can be imaged, or the named ones; with the rule that each hits, its class and the
/// image type that a backup would take.
/// </summary>
[Cmdlet(VerbsCommon.Get, "ImageVolume")]
[OutputType(typeof(ImageVolume))]
public sealed class GetImageVolumeCommand : PolicyCmdlet
{
    private ImagePolicy? _policy;
    private IReadOnlyList<PendingUndo> _pending = [];
    private string? _repositoryPath;

    /// <summary>Names, mount points, letters, LABEL=, UUID=, files that hold a volume; * and ? in names and mount points.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "Name")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [SupportsWildcards]
    public VolumeArgument[]? Volume { get; set; }

    private protected override bool NeedsRepository => false;

    private protected override void Begin()
    {
        _pending = UndoJob.FindOnMachine();
        // Where it is says which volume holds it; it need not be opened for that.
        Attempt(null, () => _repositoryPath = LocalPathIfNamed());
        // Volumes can be listed even if the rules have an error.
        Attempt(null, () =>
        {
            base.Begin();
            _policy = LoadPolicy();
        });
    }

    private protected override void Process()
    {
        ThrowIfNamesNothing(nameof(Volume), Volume?.Length ?? 0);
        if (Volume is null)
        {
            if (!MyInvocation.ExpectingInput)
                WriteObject(List().Select(Planned), enumerateCollection: true);
            return;
        }
        foreach (VolumeArgument volume in Volume)
            Attempt(volume.Input, () => Write(volume));
    }

    private void Write(VolumeArgument volume)
    {
        if (volume is { Name: { } name, IsFullPath: false } && NamePattern.Of(name) is { } pattern)
        {
            if (FindLiteral(volume) is { } literal)
            {
                WriteObject(Planned(literal));
                return;
            }
            WriteObject(
                List().Where(v => pattern.IsMatch(v.Name) || v.MountPoints.Any(pattern.IsMatch)).Select(Planned),
                enumerateCollection: true);
            return;
        }
        string full = ImageBackup.Binding.VolumeNames.FullSource(volume, ResolvePath);
        WriteObject(Planned(RunInBackground("Looking at volumes", _ => ImageBackup.Binding.VolumeNames.Find(full, Stop))));
    }

    /// <summary>The volume whose name is the text as it is written; null if there is none: then it is a pattern.</summary>
    private ImageVolume? FindLiteral(VolumeArgument volume)
    {
        try
        {
            string full = ImageBackup.Binding.VolumeNames.FullSource(volume, ResolvePath);
            return RunInBackground("Looking at volumes", _ => ImageBackup.Binding.VolumeNames.Find(full, Stop));
        }
        catch (ImageBackupException absent) when (absent.Id is ErrorId.VolumeNotFound)
        {
            return null;
        }
    }

    private ImageVolume Planned(ImageVolume found)
    {
        ImageVolume volume = found with { PendingUndo = [.. _pending.Where(pending => pending.Volume == found.Name || pending.Volume == found.Description.DevicePath)] };
        VolumePlan? plan = _policy is null ? null : PlanOf(_policy, volume, null, null);
        volume = plan?.ApplyTo(volume) ?? volume;
        return volume with
        {
            Reason = plan is { IsIncluded: false } ? $"the rule {plan.Rule} excludes it"
                : ImageObstacle.Find(volume, plan, _repositoryPath, VolumeSystem.Current)?.Reason,
        };
    }

    private IReadOnlyList<ImageVolume> List() =>
        RunInBackground("Looking at volumes", _ => new VolumeInventory(VolumeSystem.Current).List(Stop));
}
