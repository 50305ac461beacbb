using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>
/// Compares the files of two images, or of an image and a volume: directory by directory, side by side. What is in both is told of at
/// once; what is in one only waits until it is known whether it was renamed, but for what was created after the older image.
/// </summary>
/// <remarks>One thread; one run.</remarks>
internal sealed class ItemComparison
{
    /// <summary>Entries of a directory that are held in memory; of a larger one each is looked up in the other.</summary>
    private const int MaxHeldNames = 100_000;

    /// <summary>Items of one image only that wait for their other name.</summary>
    private const int DefaultMaxHeldItems = 100_000;

    /// <summary>Directories of a damaged tree may lie in one another for ever.</summary>
    private const int MaxDepth = 4096;

    /// <summary>FAT keeps local times: its clock may be as far off as that.</summary>
    private static readonly TimeSpan s_clockSlack = TimeSpan.FromHours(15);

    private readonly ItemSource _older, _newer;
    private readonly ItemPropertyComparison _properties;
    private readonly Action<ImageBackupException> _onProblem;
    private readonly Action<string> _onNote;
    private readonly int _maxHeldNames, _maxHeldItems;
    private readonly ItemWalk _olderWalk, _newerWalk;
    private readonly DateTime _bornLater;
    private readonly Stack<(FoundItem Older, FoundItem Newer)> _pairs = new();
    private readonly HashSet<(ulong, ulong)> _seenOlder = [], _seenNewer = [];
    private readonly Dictionary<ItemKey, Queue<Held>> _removed = [];
    private readonly Queue<Held> _added = new();
    private readonly Queue<Held> _removedInOrder = new();
    private readonly HashSet<ItemKey> _renamed = [];
    private int _unlistedCount;
    private bool _isFull;

    /// <summary>One file or directory, whatever its name: its number may be another's later, but not with the same birth.</summary>
    private readonly record struct ItemKey(FileTreeKind Kind, ulong VolumePart, ulong FileId, FileTreeTime? Born, long SizeBytes);

    private sealed class Held(FoundItem item, Held? parent)
    {
        public FoundItem Item { get; } = item;
        public Held? Parent { get; } = parent;
        public bool IsMatched { get; set; }
        public bool LiesInMatched => IsMatched || Parent is { LiesInMatched: true };
    }

    /// <param name="older">The older files; their image's time tells what was created later.</param>
    /// <param name="newer">The newer files.</param>
    /// <param name="byContent">As <see cref="ItemPropertyComparison"/>.</param>
    /// <param name="onProblem">Called with what could not be read.</param>
    /// <param name="onNote">Called with what of the comparison is less than it could be.</param>
    public ItemComparison(ItemSource older, ItemSource newer, bool byContent, Action<ImageBackupException> onProblem, Action<string> onNote)
        : this(older, newer, byContent, onProblem, onNote, DefaultMaxHeldItems)
    {
    }

    /// <param name="older">As above.</param>
    /// <param name="newer">As above.</param>
    /// <param name="byContent">As above.</param>
    /// <param name="onProblem">As above.</param>
    /// <param name="onNote">As above.</param>
    /// <param name="maxHeldCount">Items of a directory, and of one image only, that are held.</param>
    internal ItemComparison(ItemSource older, ItemSource newer, bool byContent, Action<ImageBackupException> onProblem, Action<string> onNote, int maxHeldCount)
    {
        _older = older;
        _newer = newer;
        _onProblem = onProblem;
        _onNote = onNote;
        _maxHeldItems = maxHeldCount;
        _maxHeldNames = Math.Min(MaxHeldNames, maxHeldCount);
        _properties = new ItemPropertyComparison(older, newer, byContent, onProblem);
        _olderWalk = new ItemWalk(older, NoteUnlisted);
        _newerWalk = new ItemWalk(newer, NoteUnlisted);
        _bornLater = older.Image.BackupTime.ToUniversalTime() + (older.IsOfWindows ? s_clockSlack : TimeSpan.Zero);
    }

    /// <summary>All differences below a path.</summary>
    /// <param name="path">The names that lead to it; empty: the root.</param>
    /// <param name="cancellation">Stops the comparison.</param>
    /// <exception cref="ImageBackupException">ItemNotFound: neither has it; ItemUnreadable: the way to it cannot be read; the storage is away.</exception>
    public IEnumerable<ItemDifference> Run(IReadOnlyList<string> path, CancellationToken cancellation)
    {
        FoundItem? before = Find(_olderWalk, path, cancellation), after = Find(_newerWalk, path, cancellation);
        if (before is null && after is null)
        {
            string shown = _older.Separator + string.Join(_older.Separator.ToString(), path);
            throw new ImageBackupException(ErrorId.ItemNotFound, $"Neither side of the comparison has '{shown}'.", shown);
        }
        IEnumerable<ItemDifference> first = before is null ? OnlyNewer(after!, null) : after is null ? OnlyOlder(before, null)
            : before.Entry.Kind == after.Entry.Kind ? Pair(before, after, cancellation) : OnlyOlder(before, null).Concat(OnlyNewer(after, null));
        foreach (ItemDifference difference in first.Concat(DrainPairs(cancellation)).Concat(Settle(cancellation)))
            yield return difference;
    }

    private void NoteUnlisted(ImageBackupException problem)
    {
        _unlistedCount++;
        _onProblem(problem);
    }

    private static FoundItem? Find(ItemWalk walk, IReadOnlyList<string> path, CancellationToken cancellation) =>
        walk.Resolve([.. path.Select(name => new ItemPathPart(name, null))], cancellation).FirstOrDefault();

    private IEnumerable<ItemDifference> DrainPairs(CancellationToken cancellation)
    {
        while (_pairs.Count > 0)
        {
            (FoundItem before, FoundItem after) = _pairs.Pop();
            foreach (ItemDifference difference in Directories(before, after, cancellation))
                yield return difference;
        }
    }

    /// <summary>The entries of two directories that are one.</summary>
    private IEnumerable<ItemDifference> Directories(FoundItem before, FoundItem after, CancellationToken cancellation)
    {
        if (!Enter(_seenOlder, before, _older) || !Enter(_seenNewer, after, _newer))
            yield break;
        var names = new Dictionary<string, FoundItem>(StringComparer.Ordinal);
        int problems = _unlistedCount;
        bool isLarge = false;
        foreach (FoundItem child in _olderWalk.Children(before, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            isLarge = names.Count >= _maxHeldNames;
            if (isLarge)
                break;
            names[child.Entry.Name] = child;
        }
        bool isOlderWhole = problems == _unlistedCount;
        IEnumerable<ItemDifference> found = isLarge ? ByLookup(before, after, cancellation) : ByNames(names, after, isOlderWhole, cancellation);
        foreach (ItemDifference difference in found)
            yield return difference;
    }

    private IEnumerable<ItemDifference> ByNames(Dictionary<string, FoundItem> names, FoundItem after, bool isOlderWhole, CancellationToken cancellation)
    {
        Dictionary<string, FoundItem>? folded = null;
        if (_older.IsOfWindows)
        {
            folded = new Dictionary<string, FoundItem>(StringComparer.OrdinalIgnoreCase);
            foreach (FoundItem child in names.Values)
                folded[child.Entry.Name] = child;
        }
        int problems = _unlistedCount;
        foreach (FoundItem child in _newerWalk.Children(after, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!names.TryGetValue(child.Entry.Name, out FoundItem? other) && folded is not null && folded.TryGetValue(child.Entry.Name, out FoundItem? alike)
                && names.ContainsKey(alike.Entry.Name) && _newer.Tree.Find(after.Entry, alike.Entry.Name, cancellation)?.Name != alike.Entry.Name)
            {
                other = alike;
            }
            if (other is not null)
                names.Remove(other.Entry.Name);
            // What the older one has beside its damage is not known.
            else if (!isOlderWhole)
                continue;
            foreach (ItemDifference difference in other is null ? OnlyNewer(child, null) : Match(other, child, cancellation))
                yield return difference;
        }
        // What the newer one has beside its damage is not known.
        if (problems != _unlistedCount)
            yield break;
        foreach (FoundItem child in names.Values)
        {
            foreach (ItemDifference difference in OnlyOlder(child, null))
                yield return difference;
        }
    }

    // Both indexes are asked, so that nothing of the directories is held.
    private IEnumerable<ItemDifference> ByLookup(FoundItem before, FoundItem after, CancellationToken cancellation)
    {
        foreach (FoundItem child in _olderWalk.Children(before, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            bool isKnown = TryFind(_newer, after, child.Entry.Name, out FileTreeEntry? entry, cancellation);
            if (!isKnown)
                continue;
            foreach (ItemDifference difference in entry is null ? OnlyOlder(child, null) : Match(child, new FoundItem(after, entry), cancellation))
                yield return difference;
        }
        foreach (FoundItem child in _newerWalk.Children(after, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!TryFind(_older, before, child.Entry.Name, out FileTreeEntry? entry, cancellation) || entry is not null)
                continue;
            foreach (ItemDifference difference in OnlyNewer(child, null))
                yield return difference;
        }
    }

    private bool TryFind(ItemSource source, FoundItem directory, string name, out FileTreeEntry? entry, CancellationToken cancellation)
    {
        try
        {
            entry = source.Tree.Find(directory.Entry, name, cancellation);
            return true;
        }
        catch (Exception e) when (ItemSource.Failure(e, directory.PathIn(source), directory.PathIn(source)) is not null)
        {
            ImageBackupException failure = ItemSource.Failure(e, directory.PathIn(source), directory.PathIn(source))!;
            if (failure.Id != ErrorId.ItemUnreadable)
                throw failure;
            _onProblem(failure);
            entry = null;
            return false;
        }
    }

    private IEnumerable<ItemDifference> Match(FoundItem before, FoundItem after, CancellationToken cancellation) => before.Entry.Kind == after.Entry.Kind
        ? Pair(before, after, cancellation)
        : OnlyOlder(before, null).Concat(OnlyNewer(after, null));

    /// <summary>One item that both have, under one name or two.</summary>
    private IEnumerable<ItemDifference> Pair(FoundItem before, FoundItem after, CancellationToken cancellation)
    {
        IReadOnlyList<string> properties = _properties.Compare(before, after, cancellation);
        if (before.Entry.Name != after.Entry.Name)
            yield return new ItemDifference(ItemChange.Renamed, before, after, properties);
        else if (properties.Count > 0)
            yield return new ItemDifference(ItemChange.Changed, before, after, properties);
        if (before.Entry.Kind == FileTreeKind.Directory && before.Entry.Refusal is null && after.Entry.Refusal is null)
            _pairs.Push((before, after));
    }

    private IEnumerable<ItemDifference> OnlyNewer(FoundItem item, Held? parent)
    {
        bool isBornLater = item.Entry.Created?.ToDateTime() > _bornLater && !_removed.ContainsKey(KeyOf(item.Entry));
        if (isBornLater && item.Entry.Kind != FileTreeKind.Directory || !Hold(_added.Count))
        {
            yield return new ItemDifference(ItemChange.Added, null, item, []);
            // Of what cannot be held, all that is below is new as well.
            if (item.Entry.Kind == FileTreeKind.Directory)
            {
                foreach (FoundItem child in _newerWalk.Below(item, MaxDepth, CancellationToken.None))
                    yield return new ItemDifference(ItemChange.Added, null, child, []);
            }
            yield break;
        }
        _added.Enqueue(new Held(item, parent));
    }

    private IEnumerable<ItemDifference> OnlyOlder(FoundItem item, Held? parent)
    {
        ItemKey key = KeyOf(item.Entry);
        // Its name of now was found already, with a directory above it.
        if (_renamed.Contains(key))
            yield break;
        if (!Hold(_removedInOrder.Count))
        {
            yield return new ItemDifference(ItemChange.Removed, item, null, []);
            if (item.Entry.Kind == FileTreeKind.Directory)
            {
                foreach (FoundItem child in _olderWalk.Below(item, MaxDepth, CancellationToken.None))
                    yield return new ItemDifference(ItemChange.Removed, child, null, []);
            }
            yield break;
        }
        var held = new Held(item, parent);
        _removedInOrder.Enqueue(held);
        if (!IsKey(item.Entry))
            yield break;
        if (!_removed.TryGetValue(key, out Queue<Held>? same))
            _removed.Add(key, same = new Queue<Held>());
        same.Enqueue(held);
    }

    private bool Hold(int count)
    {
        if (count < _maxHeldItems)
            return true;
        if (!_isFull)
            _onNote($"More than {_maxHeldItems} items are in one of the two only: items that were renamed are told as removed and added from here on.");
        _isFull = true;
        return false;
    }

    /// <summary>What is in one only, in the end: renamed, or added and removed with all that is below.</summary>
    private IEnumerable<ItemDifference> Settle(CancellationToken cancellation)
    {
        var waiting = new List<Held>();
        while (true)
        {
            // All that is gone is known before the first new one is compared with it.
            foreach (ItemDifference difference in ExpandRemoved(waiting, cancellation))
                yield return difference;
            if (_added.Count == 0)
                break;
            Held added = _added.Dequeue();
            if (TakeRemoved(added.Item.Entry) is { } removed)
            {
                _renamed.Add(KeyOf(removed.Item.Entry));
                removed.IsMatched = true;
                yield return new ItemDifference(ItemChange.Renamed, removed.Item, added.Item, _properties.Compare(removed.Item, added.Item, cancellation));
                if (added.Item.Entry.Kind != FileTreeKind.Directory)
                    continue;
                _pairs.Push((removed.Item, added.Item));
                foreach (ItemDifference difference in DrainPairs(cancellation))
                    yield return difference;
                continue;
            }
            yield return new ItemDifference(ItemChange.Added, null, added.Item, []);
            if (added.Item.Entry.Kind != FileTreeKind.Directory || !Enter(_seenNewer, added.Item, _newer))
                continue;
            foreach (FoundItem child in _newerWalk.Children(added.Item, cancellation))
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (ItemDifference difference in OnlyNewer(child, added))
                    yield return difference;
            }
        }
        foreach (Held held in waiting)
        {
            if (!held.LiesInMatched && !_renamed.Contains(KeyOf(held.Item.Entry)))
                yield return new ItemDifference(ItemChange.Removed, held.Item, null, []);
        }
    }

    private IEnumerable<ItemDifference> ExpandRemoved(List<Held> waiting, CancellationToken cancellation)
    {
        while (_removedInOrder.Count > 0)
        {
            Held held = _removedInOrder.Dequeue();
            waiting.Add(held);
            if (held.LiesInMatched || held.Item.Entry.Kind != FileTreeKind.Directory || held.Item.Entry.Refusal is not null || Depth(held) > MaxDepth)
                continue;
            foreach (FoundItem child in _olderWalk.Children(held.Item, cancellation))
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (ItemDifference difference in OnlyOlder(child, held))
                    yield return difference;
            }
        }
    }

    private static int Depth(Held held) => held.Item.Names.Count;

    private Held? TakeRemoved(FileTreeEntry entry)
    {
        if (!IsKey(entry) || !_removed.TryGetValue(KeyOf(entry), out Queue<Held>? same))
            return null;
        while (same.Count > 0)
        {
            Held held = same.Dequeue();
            if (!held.LiesInMatched)
                return held;
        }
        return null;
    }

    private static ItemKey KeyOf(FileTreeEntry entry) => new(entry.Kind, entry.VolumePart, entry.FileId, entry.Created ?? entry.Modified,
        entry.Created is null && entry.Kind == FileTreeKind.File ? entry.SizeBytes : 0);

    // An empty file of FAT lies nowhere: it has no number.
    private static bool IsKey(FileTreeEntry entry) => entry.FileId != 0 && (entry.Created ?? entry.Modified) is not null
        && entry.Kind is FileTreeKind.File or FileTreeKind.Directory or FileTreeKind.SymbolicLink;

    private bool Enter(HashSet<(ulong, ulong)> seen, FoundItem directory, ItemSource source)
    {
        if (directory.Names.Count <= MaxDepth && seen.Add((directory.Entry.VolumePart, directory.Entry.FileId)))
            return true;
        string path = directory.PathIn(source);
        _onProblem(new ImageBackupException(ErrorId.ItemUnreadable, $"'{path}' cannot be compared: the directory lies at two places.", path));
        return false;
    }
}
