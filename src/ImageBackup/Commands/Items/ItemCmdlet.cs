using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Items;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that take paths in images.</summary>
public abstract class ItemCmdlet : ImageBrowsingCmdlet
{
    /// <summary>An object of Get-ImageBackup, an id or its beginning; or an object of Get-ImageItem.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ImageBackup", "Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? Image { get; set; }

    /// <summary>Paths in the image, from its volume's root; * ? and [ ] are wildcards. Without one: the root.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>Paths in the image as they are written. The property FullName of an object binds.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("FullName")]
    [ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <summary>The paths that the user named, with their patterns; the root if none is named.</summary>
    private protected IEnumerable<(string Path, IReadOnlyList<ItemPathPart> Parts)> Paths(ItemSource source)
    {
        foreach (string path in LiteralPath ?? [])
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => new ItemPathPart(name, null))]);
        foreach (string path in Path ?? (LiteralPath is null ? [source.Separator.ToString()] : []))
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => ItemPathParts.Of(source, name))]);
    }

    /// <summary>What one path means. Nothing is an error unless the path has a pattern.</summary>
    /// <exception cref="ImageBackupException">ItemNotFound.</exception>
    private protected IReadOnlyList<FoundItem> Find(ItemSource source, string path, IReadOnlyList<ItemPathPart> parts)
    {
        var problems = new List<ImageBackupException>();
        List<FoundItem> found = RunInBackground("Looking for files", _ => new ItemWalk(source, problems.Add).Resolve(parts, Stop).ToList());
        WriteProblems(problems);
        if (found.Count == 0 && problems.Count == 0 && parts.All(part => part.Matches is null))
            throw new ImageBackupException(ErrorId.ItemNotFound, $"The image {source.Image.ShortId} of '{source.Image.Volume}' has no '{path}'.", path);
        return found;
    }
}
