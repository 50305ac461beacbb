using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Volumes;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Lists the volumes of this machine that can be imaged, or the named ones.</summary>
[Cmdlet(VerbsCommon.Get, "ImageVolume")]
[OutputType(typeof(ImageVolume))]
public sealed class GetImageVolumeCommand : PumpedCmdlet
{
    /// <summary>Names, mount points, letters, LABEL=, UUID=, files that hold a volume; * and ? in names and mount points.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [SupportsWildcards]
    public VolumeArgument[]? Volume { get; set; }

    private protected override void Process()
    {
        if (Volume is null)
        {
            if (!MyInvocation.ExpectingInput)
                WriteObject(List(), enumerateCollection: true);
            return;
        }
        foreach (VolumeArgument volume in Volume)
            Attempt(volume.Input, () => Write(volume));
    }

    private void Write(VolumeArgument volume)
    {
        if (volume is { Name: { } name, IsFullPath: false } && WildcardPattern.ContainsWildcardCharacters(name))
        {
            var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
            WriteObject(
                List().Where(v => pattern.IsMatch(v.Name) || v.MountPoints.Any(pattern.IsMatch)),
                enumerateCollection: true);
            return;
        }
        string full = VolumeNames.FullSource(volume, ResolvePath);
        WriteObject(RunPumped("Looking at volumes", _ => VolumeNames.Find(full, Stop)));
    }

    private IReadOnlyList<ImageVolume> List() =>
        RunPumped("Looking at volumes", _ => new VolumeInventory(VolumeSystem.Current).List(Stop));
}
