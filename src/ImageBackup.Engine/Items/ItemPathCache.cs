using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>Finds items of one image by their names, one after the other: the directories that led to the last one are not looked up again. One thread.</summary>
internal sealed class ItemPathCache(ItemSource source)
{
    private readonly List<FileTreeEntry> _way = [];
    private IReadOnlyList<string> _names = [];

    /// <summary>The item of a path, with the names that it has in this image; null if there is none.</summary>
    /// <exception cref="FileSystems.FileSystemFormatException">The way to it is damaged.</exception>
    /// <exception cref="Blocks.BlockReadException">As above.</exception>
    public FoundItem? Find(IReadOnlyList<string> names, CancellationToken cancellation)
    {
        int known = 0;
        while (known < _way.Count && known < names.Count && known < _names.Count && _names[known] == names[known])
            known++;
        _way.RemoveRange(known, _way.Count - known);
        _names = names;
        for (int i = known; i < names.Count; i++)
        {
            FileTreeEntry directory = i == 0 ? source.Tree.Root : _way[i - 1];
            if (directory.Kind != FileTreeKind.Directory || source.Tree.Find(directory, names[i], cancellation) is not { } entry)
                return null;
            _way.Add(entry);
        }
        if (names.Count == 0)
            return new FoundItem(source.Tree.Root, []);
        var actual = new string[names.Count];
        for (int i = 0; i < actual.Length; i++)
            actual[i] = _way[i].Name;
        return new FoundItem(_way[_way.Count - 1], actual);
    }
}
