using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>One name of a path, or a pattern that names match.</summary>
internal sealed record ItemPathPart(string Text, Func<string, bool>? Matches);

/// <summary>Finds items of an image by their paths, and walks what is below them.</summary>
/// <param name="source">The image.</param>
/// <param name="onProblem">Called with what could not be read; the walk goes on.</param>
internal sealed class ItemWalk(ItemSource source, Action<ImageBackupException> onProblem)
{
    /// <summary>Directories of a damaged tree may lie in one another for ever.</summary>
    private const int MaxDepth = 4096;

    /// <summary>The names of a path. On an image of Windows both separators count, on others the slash alone.</summary>
    public static IReadOnlyList<string> Split(ItemSource source, string path) =>
        path.Split(source.IsOfWindows ? ['/', '\\'] : ['/'], StringSplitOptions.RemoveEmptyEntries).Where(name => name != ".").ToArray();

    /// <summary>What a path means: one item, or by its patterns several; none if there is none.</summary>
    /// <exception cref="ImageBackupException">ItemUnreadable, a storage failure.</exception>
    public IEnumerable<FoundItem> Resolve(IReadOnlyList<ItemPathPart> path, CancellationToken cancellation) =>
        Resolve(new FoundItem(source.Tree.Root, []), path, 0, cancellation);

    private IEnumerable<FoundItem> Resolve(FoundItem item, IReadOnlyList<ItemPathPart> path, int index, CancellationToken cancellation)
    {
        if (index == path.Count)
            return [item];
        if (item.Entry.Kind != FileTreeKind.Directory)
            return [];
        ItemPathPart part = path[index];
        if (part.Matches is { } matches)
            return Children(item, cancellation).Where(child => matches(child.Entry.Name)).SelectMany(child => Resolve(child, path, index + 1, cancellation));
        FileTreeEntry? found;
        try
        {
            found = source.Tree.Find(item.Entry, part.Text, cancellation);
        }
        catch (Exception e) when (ItemSource.Failure(e, item.PathIn(source), item.PathIn(source)) is not null)
        {
            throw ItemSource.Failure(e, item.PathIn(source), item.PathIn(source))!;
        }
        return found is null ? [] : Resolve(new FoundItem(item, found), path, index + 1, cancellation);
    }

    /// <summary>The entries of a directory. What cannot be read is a problem, and ends them.</summary>
    public IEnumerable<FoundItem> Children(FoundItem directory, CancellationToken cancellation)
    {
        using IEnumerator<FileTreeEntry> entries = source.Tree.List(directory.Entry, cancellation).GetEnumerator();
        while (true)
        {
            FileTreeEntry entry;
            try
            {
                if (!entries.MoveNext())
                    yield break;
                entry = entries.Current;
            }
            catch (Exception e) when (ItemSource.Failure(e, directory.PathIn(source), directory.PathIn(source)) is not null)
            {
                ImageBackupException failure = ItemSource.Failure(e, directory.PathIn(source), directory.PathIn(source))!;
                if (failure.Id != ErrorId.ItemUnreadable)
                    throw failure;
                onProblem(failure);
                yield break;
            }
            yield return new FoundItem(directory, entry);
        }
    }

    /// <summary>All below a directory, each directory's entries before those of its subdirectories, at most so many levels.</summary>
    public IEnumerable<FoundItem> Below(FoundItem top, int maxDepth, CancellationToken cancellation)
    {
        // A sound directory has one parent: a second way to it is damage, and may be a circle.
        var seen = new HashSet<(ulong, ulong)> { (top.Entry.VolumePart, top.Entry.FileId) };
        var waiting = new Stack<(FoundItem Directory, int Depth)>();
        waiting.Push((top, 0));
        while (waiting.Count > 0)
        {
            (FoundItem directory, int depth) = waiting.Pop();
            var below = new List<FoundItem>();
            foreach (FoundItem child in Children(directory, cancellation))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return child;
                if (child.Entry.Kind == FileTreeKind.Directory && child.Entry.Refusal is null && depth < maxDepth)
                    below.Add(child);
            }
            // Names of Windows come sorted. Those of the others lie in the order of a hash, and what they name in that of its number.
            if (!source.IsOfWindows)
                below.Sort((a, b) => (a.Entry.VolumePart, a.Entry.FileId).CompareTo((b.Entry.VolumePart, b.Entry.FileId)));
            for (int i = below.Count - 1; i >= 0; i--)
            {
                FileTreeEntry entry = below[i].Entry;
                if (depth >= MaxDepth || !seen.Add((entry.VolumePart, entry.FileId)))
                    onProblem(new ImageBackupException(ErrorId.ItemUnreadable, $"'{below[i].PathIn(source)}' cannot be read: the directory lies at two places.", below[i].PathIn(source)));
                else
                    waiting.Push((below[i], depth + 1));
            }
        }
    }
}
