using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>Tells in what two versions of one item differ: by metadata, and by content if that is asked for or the metadata leaves it open. One thread.</summary>
/// <param name="older">The source of the older one.</param>
/// <param name="newer">The source of the newer one.</param>
/// <param name="byContent">Compare contents, reading them where chunks do not tell.</param>
/// <param name="onProblem">Called with an item whose content or link cannot be read; its metadata is compared all the same.</param>
internal sealed class ItemPropertyComparison(ItemSource older, ItemSource newer, bool byContent, Action<ImageBackupException> onProblem)
{
    private const FileAttributesOfWindows ComparedAttributes =
        FileAttributesOfWindows.ReadOnly | FileAttributesOfWindows.Hidden | FileAttributesOfWindows.System | FileAttributesOfWindows.Archive;

    private readonly ItemContentComparison _content = new(older, newer);

    /// <summary>The names of the properties of <see cref="ImageItem"/> that differ; Content, if that does. Both are of one kind.</summary>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public IReadOnlyList<string> Compare(FoundItem one, FoundItem other, CancellationToken cancellation)
    {
        FileTreeEntry before = one.Entry, after = other.Entry;
        var names = new List<string>();
        bool isFile = before.Kind == FileTreeKind.File;
        if (isFile && before.SizeBytes != after.SizeBytes)
            names.Add(nameof(ImageItem.Length));
        // A directory's time changes with each name in it, which is told of by itself.
        if (before.Kind != FileTreeKind.Directory && Differ(before.Modified, after.Modified))
            names.Add(nameof(ImageItem.LastWriteTime));
        if (Differ(before.Permissions, after.Permissions) || Differ(before.Attributes & ComparedAttributes, after.Attributes & ComparedAttributes))
            names.Add(nameof(ImageItem.Mode));
        if (Differ(before.UserId, after.UserId))
            names.Add(nameof(ImageItem.UserId));
        if (Differ(before.GroupId, after.GroupId))
            names.Add(nameof(ImageItem.GroupId));
        if (before.OwnerSid is { } owner && after.OwnerSid is { } owned && owner != owned)
            names.Add(nameof(ImageItem.OwnerSid));
        if (Differ(before.Device, after.Device))
            names.Add("Device");
        try
        {
            if (before.Kind == FileTreeKind.SymbolicLink && older.Tree.ReadLink(before) != newer.Tree.ReadLink(after))
                names.Add(nameof(ImageItem.LinkTarget));
            if (isFile && before.Refusal is null && after.Refusal is null)
                AddContent(names, before, after, cancellation);
        }
        catch (Exception e) when (ItemSource.Failure(e, other.PathIn(newer), other.PathIn(newer)) is not null)
        {
            ImageBackupException failure = ItemSource.Failure(e, other.PathIn(newer), other.PathIn(newer))!;
            if (failure.Id != ErrorId.ItemUnreadable)
                throw failure;
            onProblem(failure);
        }
        return names;
    }

    private void AddContent(List<string> names, FileTreeEntry before, FileTreeEntry after, CancellationToken cancellation)
    {
        if (byContent)
        {
            if (before.SizeBytes != after.SizeBytes || !_content.IsSame(before, after, cancellation))
                names.Add("Content");
            return;
        }
        // The time of the last write can be set back; that of the change cannot, but it tells of less too: a second name, an attribute.
        if (names.Count == 0 && Differ(before.Changed, after.Changed) && !_content.IsProvenSame(before, after))
            names.Add(nameof(ImageItem.ChangeTime));
    }

    /// <summary>What one of the file systems does not keep is not a difference.</summary>
    private static bool Differ<T>(T? one, T? other)
        where T : struct => one is { } first && other is { } second && !EqualityComparer<T>.Default.Equals(first, second);
}
