using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>
/// Names of the directories that were asked last, for file systems that have no index of them: a directory is read once for many questions.
/// At most <see cref="MaxNameCount"/> names are kept. Any thread.
/// </summary>
internal sealed class DirectoryNameCache
{
    private const int MaxNameCount = 200_000;

    private readonly object _lock = new();
    private readonly Dictionary<object, LinkedListNode<Names>> _directories = [];
    private readonly LinkedList<Names> _byUse = new();
    private int _count;

    /// <summary>The entries by their names in any case; those that differ from another in case only, by their very names too.</summary>
    private sealed class Names(object directory)
    {
        public object Directory { get; } = directory;
        public Dictionary<string, FileTreeEntry> InAnyCase { get; } = new(StringComparer.OrdinalIgnoreCase);
        public Dictionary<string, FileTreeEntry> Twins { get; } = new(StringComparer.Ordinal);
        public int Count => InAnyCase.Count + Twins.Count;
    }

    /// <summary>As <see cref="NameSearch.FindInAnyCase"/>.</summary>
    /// <param name="directory">What tells it from other directories of the tree, by its equality.</param>
    /// <param name="list">Its entries. What it throws passes, and nothing is kept.</param>
    /// <param name="name">The name.</param>
    public FileTreeEntry? Find(object directory, IEnumerable<FileTreeEntry> list, string name)
    {
        Names? names = Known(directory);
        if (names is null)
        {
            names = Read(directory, list);
            if (names is null)
                return NameSearch.FindInAnyCase(list, name);
            Keep(names);
        }
        return names.Twins.TryGetValue(name, out FileTreeEntry? twin) || names.InAnyCase.TryGetValue(name, out twin) ? twin : null;
    }

    private Names? Known(object directory)
    {
        lock (_lock)
        {
            if (!_directories.TryGetValue(directory, out LinkedListNode<Names>? node))
                return null;
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value;
        }
    }

    /// <summary>Null: they are too many, or the directory is damaged, and the search goes through what is good of it.</summary>
    private static Names? Read(object directory, IEnumerable<FileTreeEntry> list)
    {
        var names = new Names(directory);
        try
        {
            foreach (FileTreeEntry entry in list)
            {
                if (names.Count >= MaxNameCount)
                    return null;
                if (!names.InAnyCase.TryGetValue(entry.Name, out FileTreeEntry? alike))
                    names.InAnyCase.Add(entry.Name, entry);
                else if (alike.Name != entry.Name && !names.Twins.ContainsKey(entry.Name))
                    names.Twins[entry.Name] = entry;
            }
        }
        catch (FileSystemFormatException)
        {
            return null;
        }
        return names;
    }

    private void Keep(Names names)
    {
        lock (_lock)
        {
            if (_directories.ContainsKey(names.Directory))
                return;
            while (_count > 0 && _count + names.Count > MaxNameCount && _byUse.Last is { } oldest)
            {
                _byUse.RemoveLast();
                _directories.Remove(oldest.Value.Directory);
                _count -= oldest.Value.Count;
            }
            _directories[names.Directory] = _byUse.AddFirst(names);
            _count += names.Count;
        }
    }
}
