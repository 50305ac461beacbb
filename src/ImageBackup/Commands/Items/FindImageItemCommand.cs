using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>Finds files in many images, and tells which version is in which.</summary>
[Cmdlet(VerbsCommon.Find, "ImageItem")]
[OutputType(typeof(ImageItemVersion))]
public sealed class FindImageItemCommand : ImageBrowsingCmdlet
{
    private readonly List<(ImageRepository Repository, ImageBackupInfo Image)> _images = [];

    /// <summary>
    /// A path from the volume's root if it begins with a separator; else a name, or the last names of a path, at any depth. * ? and [ ] are
    /// wildcards.
    /// </summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>Paths from the volume's root as they are written.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <summary>Objects of Get-ImageBackup, or ids or their beginnings; by default all images of the repository.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ImageBackup", "Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? Image { get; set; }

    /// <summary>Read contents if neither the metadata nor the chunks tell whether two versions are the same.</summary>
    [Parameter]
    public SwitchParameter ByContent { get; set; }

    private protected override void Begin()
    {
        if (Path is null && LiteralPath is null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, "The command names no file: give its name or path with -Path or -LiteralPath.");
        base.Begin();
    }

    private protected override void Process() => AttemptEach(Image ?? [], i => i.Input, Add);

    private void Add(ImageArgument argument)
    {
        string idPrefix = argument.NeededId;
        ImageRepository repository = RepositoryOf(argument);
        _images.Add((repository, RunInBackground("Looking for images", _ => Catalog(repository).Find(idPrefix, Stop))));
    }

    private protected override void End()
    {
        bool isNamed = Image is not null || MyInvocation.ExpectingInput;
        if (!isNamed)
        {
            ImageRepository repository = Opened;
            _images.AddRange(RunInBackground("Looking for images", channel => Catalog(repository)
                .List(new ImageFilter { IncludeInactive = true }, failure => channel.WriteWarning(failure.Message), Stop)).Select(image => (repository, image)));
        }
        foreach (IGrouping<ImageRepository, (ImageRepository, ImageBackupInfo Image)> group in _images.GroupBy(entry => entry.Repository).ToArray())
            Find(group.Key, [.. group.Select(entry => entry.Image)], isNamed);
    }

    private void Find(ImageRepository repository, List<ImageBackupInfo> images, bool isNamed)
    {
        using ItemRepository opened = RunInBackground("Opening the repository", _ => ItemRepository.Open(repository, images.Select(image => image.Id), Stop));
        foreach (IGrouping<(string, string), ImageBackupInfo> volume in images.GroupBy(image => (image.ComputerName.ToUpperInvariant(), image.VolumeId)))
        {
            ImageBackupInfo[] newestFirst = [.. volume.GroupBy(image => image.Id).Select(same => same.First()).OrderByDescending(image => image.BackupTime)];
            Attempt(newestFirst[0].Volume, () =>
            {
                var problems = new List<ImageBackupException>();
                var passedOver = new List<ImageBackupException>();
                using var sources = new ItemSourceCache(opened, newestFirst,
                    problem => (isNamed || problem.Id != ErrorId.FileSystemNotBrowsable ? problems : passedOver).Add(problem));
                WriteAsTheyCome($"Searching the images of {newestFirst[0].Volume}", new ItemVersionSearch(newestFirst, sources, ByContent, problems.Add).Find(Search, Stop), problems);
                // Nobody asked for them one by one: a paging volume is among most machines' images.
                if (passedOver.Count > 0)
                    WriteWarning(passedOver[0].Message + (passedOver.Count > 1 ? $" So do {passedOver.Count - 1} more images of the volume." : ""));
            });
        }
    }

    /// <summary>The items of one image that are looked for: each once.</summary>
    private IEnumerable<FoundItem> Search(ItemSource source, ItemWalk walk)
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        var anywhere = new List<IReadOnlyList<ItemPathPart>>();
        var rooted = new List<IReadOnlyList<ItemPathPart>>();
        foreach (string path in LiteralPath ?? [])
            rooted.Add([.. ItemWalk.Split(source, path).Select(name => new ItemPathPart(name, null))]);
        foreach (string path in Path ?? [])
        {
            bool isRooted = path[0] == '/' || source.IsOfWindows && path[0] == '\\';
            (isRooted ? rooted : anywhere).Add([.. ItemWalk.Split(source, path).Select(name => ItemPathParts.Of(source, name))]);
        }
        bool isSeveral = rooted.Count + (anywhere.Count > 0 ? 1 : 0) > 1;
        foreach (FoundItem item in rooted.SelectMany(parts => walk.Resolve(parts, Stop)).Concat(Anywhere(source, walk, anywhere)))
        {
            if (!isSeveral || told.Add(item.PathIn(source)))
                yield return item;
        }
    }

    private IEnumerable<FoundItem> Anywhere(ItemSource source, ItemWalk walk, List<IReadOnlyList<ItemPathPart>> patterns)
    {
        if (patterns.Count == 0)
            return [];
        Func<string, bool>[][] matchers = [.. patterns.Select(parts => parts.Select(part => part.Matches ?? ItemPathParts.Name(source, part.Text)).ToArray())];
        return walk.Below(new FoundItem(source.Tree.Root, []), int.MaxValue, Stop).Where(item => matchers.Any(names => EndsWith(item.Names, names)));
    }

    private static bool EndsWith(IReadOnlyList<string> names, Func<string, bool>[] matchers)
    {
        if (matchers.Length == 0 || names.Count < matchers.Length)
            return false;
        for (int i = 1; i <= matchers.Length; i++)
        {
            if (!matchers[matchers.Length - i](names[names.Count - i]))
                return false;
        }
        return true;
    }
}
