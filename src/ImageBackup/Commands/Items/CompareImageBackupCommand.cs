using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Commands;

/// <summary>Compares the files of two images, or of an image and a volume of this machine.</summary>
[Cmdlet(VerbsData.Compare, "ImageBackup", DefaultParameterSetName = WithImage)]
[OutputType(typeof(ImageItemDifference))]
public sealed class CompareImageBackupCommand : ImageBrowsingCmdlet
{
    private const string WithImage = "WithImage";
    private const string WithVolume = "WithVolume";

    /// <summary>The image to start from, as a rule the older one: an object of Get-ImageBackup, an id or its beginning.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("Image", "ImageBackup", "Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ReferenceImage { get; set; }

    /// <summary>The image to compare it with, as a rule the newer one.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = WithImage)]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    [ValidateCount(1, 1)]
    public ImageArgument[]? DifferenceImage { get; set; }

    /// <summary>The volume to compare it with, as it is now.</summary>
    [Parameter(Mandatory = true, ParameterSetName = WithVolume)]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [ValidateCount(1, 1)]
    public VolumeArgument[]? Volume { get; set; }

    /// <summary>Only what lies below these paths, as they are written.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <summary>Compare contents too: by the chunks that they lie in, and by reading what these leave open.</summary>
    [Parameter]
    public SwitchParameter ByContent { get; set; }

    private protected override void Process() => AttemptEach(ReferenceImage ?? [], i => i.Input, Compare);

    private void Compare(ImageArgument argument)
    {
        ItemSource reference = Open(argument);
        if (DifferenceImage is { Length: 1 } image)
        {
            Compare(reference, Open(image[0]));
            return;
        }
        string name = VolumeNames.FullSource(Volume![0], ResolvePath);
        using ItemSource live = RunInBackground("Opening the volume", _ =>
        {
            ImageVolume volume = VolumeNames.Find(name, Stop);
            return ItemSource.OpenVolume(VolumeSystem.Current.OpenRead(volume.Description, VolumeOpenMode.Shared), volume.Name, Stop);
        });
        foreach (string note in live.Tree.Notes)
            WriteWarning($"The volume '{live.Image.Volume}': {note}");
        Compare(reference, live);
    }

    private void Compare(ItemSource reference, ItemSource difference)
    {
        foreach (string path in LiteralPath ?? [reference.Separator.ToString()])
        {
            Attempt(path, () =>
            {
                var problems = new List<ImageBackupException>();
                var notes = new List<string>();
                var comparison = new ItemComparison(reference, difference, ByContent, problems.Add, notes.Add);
                WriteAsTheyCome("Comparing", comparison.Run([.. ItemWalk.Split(reference, path)], Stop).Select(found => Describe(found, reference, difference)), problems);
                foreach (string note in notes)
                    WriteWarning(note);
            });
        }
    }

    private static ImageItemDifference Describe(ItemDifference found, ItemSource reference, ItemSource difference)
    {
        ImageItem? before = found.Old?.Describe(reference), after = found.New?.Describe(difference);
        ImageItem shown = after ?? before!;
        // What changed on a volume is restored from the image.
        string? imageId = after is not null && difference.IsImage ? after.ImageId : before?.ImageId;
        return new ImageItemDifference
        {
            Change = found.Change.ToString(),
            FullName = shown.FullName,
            PreviousFullName = after is not null && before is not null && before.FullName != after.FullName ? before.FullName : null,
            Type = shown.Type,
            Properties = found.Properties,
            Length = shown.Length,
            PreviousLength = before?.Length,
            LastWriteTime = shown.LastWriteTime,
            PreviousLastWriteTime = before?.LastWriteTime,
            LinkCount = shown.LinkCount,
            ImageId = found.Change == ItemChange.Renamed && !difference.IsImage ? null : imageId,
            Repository = before?.Repository ?? after?.Repository,
        };
    }
}
