using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>
/// An image that a drive has open, with what was looked up in it: PowerShell asks several times for each item whether it is there. At
/// most <see cref="MaxNameCount"/> names are kept, and those that nobody asked for longest go first. Changed under its drive's lock alone.
/// </summary>
internal sealed class OpenImage(ItemSource source) : IDisposable
{
    private const int MaxNameCount = 20_000;
    private const char PathEnd = '\0';

    private readonly Dictionary<string, LinkedListNode<(string Key, FoundItem? Item)>> _names = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Key, FoundItem? Item)> _byUse = new();

    public ItemSource Source { get; } = source;

    /// <summary>Those who read it at the moment.</summary>
    public int UserCount { get; set; }

    /// <summary>It is closed when its last user has finished.</summary>
    public bool IsForgotten { get; set; }

    /// <summary>The tree's notes have been told.</summary>
    public bool HasToldNotes { get; set; }

    /// <summary>No name holds a zero: file systems end names by it.</summary>
    public static string KeyOf(IReadOnlyList<string> names, int count)
    {
        if (count == 0)
            return "";
        var parts = new string[count];
        for (int i = 0; i < count; i++)
            parts[i] = names[i];
        return string.Join(PathEnd.ToString(), parts);
    }

    /// <summary>False: not known. True with null: known not to be there.</summary>
    public bool TryGet(string key, out FoundItem? item)
    {
        item = null;
        if (!_names.TryGetValue(key, out LinkedListNode<(string Key, FoundItem? Item)>? node))
            return false;
        _byUse.Remove(node);
        _byUse.AddLast(node);
        item = node.Value.Item;
        return true;
    }

    public void Add(string key, FoundItem? item)
    {
        if (_names.TryGetValue(key, out LinkedListNode<(string Key, FoundItem? Item)>? known))
        {
            known.Value = (key, item);
            return;
        }
        if (_names.Count >= MaxNameCount && _byUse.First is { } oldest)
        {
            _names.Remove(oldest.Value.Key);
            _byUse.RemoveFirst();
        }
        _names.Add(key, _byUse.AddLast((key, item)));
    }

    public void Dispose() => Source.Dispose();
}
