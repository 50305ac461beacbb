using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>Finds the items of an image that damage reaches: those whose content lies in a damaged range, and those that cannot be looked into at all.</summary>
/// <param name="source">The image.</param>
/// <param name="damaged">Ranges of the volume, sorted and disjoint.</param>
internal sealed class DamagedItems(ItemSource source, IReadOnlyList<ByteRange> damaged)
{
    /// <summary>The paths of the items, as <see cref="ImageItem.FullName"/>; a stream's has a colon and its name behind it. Contents are not read.</summary>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public IEnumerable<string> Find(CancellationToken cancellation)
    {
        var unlisted = new List<string>();
        var walk = new ItemWalk(source, problem => unlisted.Add(problem.Target as string ?? problem.Message));
        foreach (FoundItem item in walk.Below(new FoundItem(source.Tree.Root, []), int.MaxValue, cancellation))
        {
            foreach (string path in unlisted)
                yield return path;
            unlisted.Clear();
            foreach (string path in Reached(item))
                yield return path;
        }
        foreach (string path in unlisted)
            yield return path;
    }

    private List<string> Reached(FoundItem item)
    {
        var found = new List<string>();
        FileTreeEntry entry = item.Entry;
        if (entry.Kind == FileTreeKind.File && entry.Refusal is null && IsReached(() => source.Tree.OpenData(entry)))
            found.Add(item.PathIn(source));
        if (entry.Kind == FileTreeKind.SymbolicLink && IsUnreadable(() => source.Tree.ReadLink(entry)))
            found.Add(item.PathIn(source));
        if (!source.IsOfWindows || entry.Kind is not (FileTreeKind.File or FileTreeKind.Directory))
            return found;
        IReadOnlyList<FileTreeStream> streams = [];
        if (IsUnreadable(() => streams = source.Tree.ListStreams(entry)) && found.Count == 0)
            found.Add(item.PathIn(source));
        foreach (FileTreeStream stream in streams)
        {
            if (IsReached(() => source.Tree.OpenData(entry, stream.Name)))
                found.Add($"{item.PathIn(source)}:{stream.Name}");
        }
        return found;
    }

    private bool IsReached(Func<ISparseBlockReader> open)
    {
        bool isReached = false;
        return IsUnreadable(() =>
        {
            using ISparseBlockReader data = open();
            if (data is not IStoredContent content)
                return;
            foreach (StoredPiece piece in content.Pieces())
            {
                if (piece.VolumeOffsetBytes < 0 || piece.StoredBytes <= 0)
                    continue;
                int next = damaged.FirstEndingAfter(piece.VolumeOffsetBytes);
                isReached |= next < damaged.Count && damaged[next].OffsetBytes < piece.VolumeOffsetBytes + piece.StoredBytes;
                if (isReached)
                    return;
            }
        }) || isReached;
    }

    private static bool IsUnreadable(Action read)
    {
        try
        {
            read();
            return false;
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException { IsGone: false })
        {
            return true;
        }
    }
}
