using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Items;

namespace ImageBackup.Commands;

/// <summary>Lists the files and directories inside of an image.</summary>
[Cmdlet(VerbsCommon.Get, "ImageItem")]
[OutputType(typeof(ImageItem))]
public sealed class GetImageItemCommand : ItemCmdlet
{
    /// <summary>All that is below, too.</summary>
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    /// <summary>So many levels of subdirectories; implies -Recurse.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? Depth { get; set; }

    /// <summary>Only names that match this pattern.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string? Filter { get; set; }

    /// <summary>Only names that match one of these patterns.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Include { get; set; }

    /// <summary>No names that match one of these patterns. What is below such a directory is listed all the same.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Exclude { get; set; }

    private protected override void Process() => EachImage(List);

    private void List(ImageArgument argument)
    {
        ItemSource source = Open(argument);
        Func<FoundItem, bool> isWanted = Wanted(source);
        foreach ((string path, IReadOnlyList<ItemPathPart> parts) in Paths(source))
        {
            Attempt(path, () =>
            {
                bool isPattern = parts.Any(part => part.Matches is not null);
                IReadOnlyList<FoundItem> found = Find(source, path, parts);
                var problems = new List<ImageBackupException>();
                IEnumerable<FoundItem> items = Expand(new ItemWalk(source, problems.Add), found, isPattern);
                WriteAsTheyCome("Listing files", items.Where(isWanted).Select(item => item.Describe(source)), problems);
            });
        }
    }

    // As Get-ChildItem: a directory that is named gives what is in it, a pattern what matches it.
    private IEnumerable<FoundItem> Expand(ItemWalk walk, IReadOnlyList<FoundItem> found, bool isPattern)
    {
        int maxDepth = Depth ?? (Recurse ? int.MaxValue : 0);
        foreach (FoundItem item in found)
        {
            bool isDirectory = item.Entry.Kind == FileTreeKind.Directory;
            if (isPattern || !isDirectory)
                yield return item;
            if (!isDirectory || isPattern && !Recurse && Depth is null)
                continue;
            foreach (FoundItem child in walk.Below(item, maxDepth, Stop))
                yield return child;
        }
    }

    private Func<FoundItem, bool> Wanted(ItemSource source)
    {
        Func<string, bool>? filter = Filter is null ? null : ItemPathParts.Pattern(source, Filter);
        Func<string, bool>[] includes = [.. (Include ?? []).Select(pattern => ItemPathParts.Pattern(source, pattern))], excludes = [.. (Exclude ?? []).Select(pattern => ItemPathParts.Pattern(source, pattern))];
        return item => filter?.Invoke(item.Entry.Name) != false
            && (includes.Length == 0 || includes.Any(include => include(item.Entry.Name)))
            && !excludes.Any(exclude => exclude(item.Entry.Name));
    }
}
