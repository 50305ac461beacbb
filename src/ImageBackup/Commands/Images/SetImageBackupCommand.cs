using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>Pins images, so that nothing lets them expire, and sets their tags and descriptions.</summary>
[Cmdlet(VerbsCommon.Set, "ImageBackup", SupportsShouldProcess = true)]
[Alias("Set-VolumeImage")]
[OutputType(typeof(ImageBackupInfo))]
public sealed class SetImageBackupCommand : RetentionCmdlet
{
    private const int MaximumDescriptionLength = 1000;
    private readonly List<ImageArgument> _named = [];

    /// <summary>Objects of Get-ImageBackup, or ids or their beginnings.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ImageBackup { get; set; }

    /// <summary>Nothing lets the image expire until -Pin:$false. It has the tag pinned, which restic sees too.</summary>
    [Parameter]
    public SwitchParameter Pin { get; set; }

    /// <summary>All tags of the image, but imagebackup and pinned; an empty list: none.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageTagCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? Tag { get; set; }

    /// <summary>A text about the image, at most 1000 characters; empty: none.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    public string? Description { get; set; }

    /// <summary>Gives the images as they are now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override bool InputNamesRepository => true;

    private protected override void Begin()
    {
        if (!IsGiven(nameof(Pin)) && !IsGiven(nameof(Tag)) && !IsGiven(nameof(Description)))
            throw new ImageBackupException(ErrorId.ParameterInvalid, "The command changes nothing: give -Pin, -Tag or -Description.", nameof(Pin));
        ImageTags.ThrowIfUnusable(Tag);
        if (Description is { } text && (text.Length > MaximumDescriptionLength || text.Any(char.IsControl)))
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"A description has at most {MaximumDescriptionLength} characters and no control characters.", nameof(Description));
        base.Begin();
    }

    private protected override void Process() => Gather(ImageBackup, _named);

    /// <summary>At the end, so that each repository is taken for ourselves once, however many images come.</summary>
    private protected override void End()
    {
        foreach (IGrouping<ImageRepository, ImageArgument> group in _named.GroupBy(RepositoryOf))
            Attempt(group.Key.Location, () => Set(group.Key, group));
    }

    private void Set(ImageRepository repository, IEnumerable<ImageArgument> named)
    {
        IReadOnlyList<ImageBackupInfo> images = List(repository, null);
        var chosen = new List<ImageBackupInfo>();
        foreach (ImageArgument argument in named)
        {
            Attempt(argument.Input, () =>
            {
                ImageBackupInfo image = ImageCatalog.FindIn(images, argument.Id!, repository.Location);
                if (chosen.TrueForAll(each => each.Id != image.Id) && ShouldProcess(image.FullName(), Action()))
                    chosen.Add(image);
            });
        }
        if (chosen.Count == 0)
            return;
        var change = new ImageAnnotation
        {
            IsPinned = IsGiven(nameof(Pin)) ? Pin : null,
            Tags = IsGiven(nameof(Tag)) ? Tag ?? [] : null,
            Description = IsGiven(nameof(Description)) ? Description ?? "" : null,
        };
        IReadOnlyDictionary<string, string> ids = RunInBackground("Changing images",
            _ => new AnnotateJob(repository).Annotate([.. chosen.Select(image => image.Id)], change, Stop));
        Remember(RepositoryMemory.Of(repository.Id), ids);
        if (!PassThru)
            return;
        Dictionary<string, ImageBackupInfo> now = List(repository, LoadRetentionForListing()).ToDictionary(image => image.Id, StringComparer.Ordinal);
        foreach (ImageBackupInfo image in chosen)
        {
            if (now.TryGetValue(ids[image.Id], out ImageBackupInfo? changed))
                WriteObject(changed);
        }
    }

    /// <summary>The old record was replaced on purpose: the next backup does not miss it, and misses the new one if that goes.</summary>
    private static void Remember(RepositoryMemory memory, IReadOnlyDictionary<string, string> ids)
    {
        List<SeenImage> seen = [.. memory.Images.Where(image => ids.TryGetValue(image.Id, out string? now) && now != image.Id)];
        memory.Forget([.. seen.Select(image => image.Id)]);
        foreach (SeenImage image in seen)
            _ = memory.NoteImage(image with { Id = ids[image.Id] });
    }

    private string Action() => string.Join("; ", new[]
    {
        IsGiven(nameof(Pin)) ? Pin ? "Pin the image" : "Unpin the image" : null,
        IsGiven(nameof(Tag)) ? Tag is { Length: > 0 } tags ? $"Set its tags to {string.Join(", ", tags)}" : "Remove its tags" : null,
        IsGiven(nameof(Description)) ? string.IsNullOrEmpty(Description) ? "Remove its description" : $"Describe it as '{Description}'" : null,
    }.Where(part => part is not null));
}
