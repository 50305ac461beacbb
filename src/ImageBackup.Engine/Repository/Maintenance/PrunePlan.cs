using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// What a removal of unused data does with each pack and each entry of the index. Costs two bits and 4 bytes an entry on
/// top of the index itself. One thread.
/// </summary>
internal sealed class PrunePlan
{
    private readonly BlobIndex _index;
    private readonly BitArray _kept;
    private readonly EntriesByPack _entries;
    private readonly PackTally[] _tallies;

    private struct PackTally
    {
        public long FileBytes;
        public long KeptBytes;
        public long UnusedBytes;
        public int KeptCount;
        public int UnusedCount;
        public bool IsPresent;
        public bool IsSound;
        public bool HoldsTrees;
        public PruneAction Action;
    }

    private PrunePlan(BlobIndex index, IReadOnlyDictionary<BlobId, long> packFiles)
    {
        _index = index;
        _kept = new BitArray(index.Count);
        _tallies = new PackTally[index.PackCount];
        _entries = new EntriesByPack(index);
        for (int pack = 0; pack < _tallies.Length; pack++)
            Measure(pack, packFiles);
        foreach (KeyValuePair<BlobId, long> file in packFiles.Where(f => index.PackNumberOf(f.Key) < 0))
            Unreferenced.Add(file.Key, file.Value);
    }

    /// <summary>Bytes an entry that a plan and its marks take, beside the index.</summary>
    public long MemoryBytes => UsedBlobSet.MemoryBytes(_index.Count) * 2 + _entries.MemoryBytes;

    public int PackCount => _tallies.Length;

    /// <summary>Packs that no index lists, and their lengths in bytes.</summary>
    public Dictionary<BlobId, long> Unreferenced { get; } = new();

    public long UsedBlobCount { get; private set; }
    public long UsedBytes { get; private set; }
    public long UnusedBlobCount { get; private set; }
    public long UnusedBytes { get; private set; }
    public long DuplicateBlobCount { get; private set; }
    public long DuplicateBytes { get; private set; }
    public long RemainingUnusedBytes { get; private set; }

    /// <summary>What is in use and lies in no sound pack: if there is any, nothing may be removed.</summary>
    public HashSet<(BlobId, BlobType)> Lost { get; } = [];

    public PruneAction ActionOf(int pack) => _tallies[pack].Action;

    public long FileBytesOf(int pack) => _tallies[pack].FileBytes;

    public long KeptBytesOf(int pack) => _tallies[pack].KeptBytes;

    /// <summary>The packs that this becomes of, by their numbers.</summary>
    public IEnumerable<int> PacksTo(PruneAction action) => Enumerable.Range(0, PackCount).Where(pack => _tallies[pack].Action == action);

    public int Count(PruneAction action) => _tallies.Count(t => t.Action == action);

    /// <summary>The entry is the copy of its blob that stays.</summary>
    public bool IsKept(int number) => _kept[number];

    /// <summary>The numbers of a pack's entries.</summary>
    public ArraySegment<int> NumbersOf(int pack) => _entries.NumbersOf(pack);

    /// <summary>Some index file must go: what it lists will not be there.</summary>
    public bool ChangesIndex => _tallies.Any(t => t.Action != PruneAction.Keep);

    /// <param name="index">Every entry of every index file.</param>
    /// <param name="packFiles">The packs that are there, and their lengths.</param>
    /// <param name="marks">What is in use.</param>
    /// <param name="limit">How much may stay unused in packs that stay.</param>
    /// <param name="prove">Whether a copy can be read: asked of the copy that stays before another one goes; null: taken as whole.</param>
    /// <param name="cancellation">Ends it.</param>
    public static PrunePlan Make(BlobIndex index, IReadOnlyDictionary<BlobId, long> packFiles, UsedBlobSet marks, UnusedLimit limit,
        Func<int, bool>? prove, CancellationToken cancellation)
    {
        var plan = new PrunePlan(index, packFiles);
        plan.ChooseCopies(marks, prove, cancellation);
        plan.Decide(limit);
        return plan;
    }

    /// <summary>A pack is sound if it is as long as the index says: a pack that ends early or holds something else is not.</summary>
    private void Measure(int pack, IReadOnlyDictionary<BlobId, long> packFiles)
    {
        ref PackTally tally = ref _tallies[pack];
        tally.IsPresent = packFiles.TryGetValue(_index.PackAt(pack), out long lengthBytes);
        tally.FileBytes = lengthBytes;
        foreach (int number in NumbersOf(pack))
            tally.HoldsTrees |= _index.EntryAt(number).Location.Type == BlobType.Tree;
        tally.IsSound = tally.IsPresent && lengthBytes == _entries.LengthBytes(pack);
    }

    private void ChooseCopies(UsedBlobSet marks, Func<int, bool>? prove, CancellationToken cancellation)
    {
        var copies = new List<int>();
        var severalCopies = new List<int>();
        for (int number = 0; number < _kept.Length; number++)
        {
            (BlobId id, BlobLocation location, int pack) = _index.EntryAt(number);
            int first = _index.FirstNumber(id, location.Type);
            if (!marks.IsMarked(first))
            {
                UnusedBlobCount++;
                UnusedBytes += location.LengthBytes;
                Leave(number, location);
                continue;
            }
            if (first != number)
                continue;
            UsedBlobCount++;
            copies.Clear();
            _index.NumbersOf(id, location.Type, copies);
            if (copies.Count > 1)
                severalCopies.Add(number);
            else if (_tallies[pack].IsSound)
                Keep(number, location);
            else
                Lost.Add((id, location.Type));
        }
        foreach (int first in severalCopies)
        {
            cancellation.ThrowIfCancellationRequested();
            ChooseCopy(first, copies, prove);
        }
    }

    /// <summary>
    /// Of several copies the one stays whose pack wastes least (so that the packs which a killed run had written already
    /// win over those they came from), and only if it can be read: the others go.
    /// </summary>
    private void ChooseCopy(int first, List<int> copies, Func<int, bool>? prove)
    {
        (BlobId id, BlobLocation location, _) = _index.EntryAt(first);
        copies.Clear();
        _index.NumbersOf(id, location.Type, copies);
        int chosen = -1;
        foreach (int copy in copies.Where(c => _tallies[_index.PackOf(c)].IsSound)
                     .OrderBy(c => _tallies[_index.PackOf(c)].UnusedBytes).ThenByDescending(c => _tallies[_index.PackOf(c)].KeptBytes).ThenBy(c => c))
        {
            if (prove is null || prove(copy))
            {
                chosen = copy;
                break;
            }
        }
        if (chosen < 0)
        {
            Lost.Add((id, location.Type));
            return;
        }
        foreach (int copy in copies)
        {
            BlobLocation at = _index.EntryAt(copy).Location;
            if (copy == chosen)
            {
                Keep(copy, at);
                continue;
            }
            DuplicateBlobCount++;
            DuplicateBytes += at.LengthBytes;
            Leave(copy, at);
        }
    }

    private void Keep(int number, in BlobLocation location)
    {
        _kept[number] = true;
        UsedBytes += location.LengthBytes;
        ref PackTally tally = ref _tallies[_index.PackOf(number)];
        tally.KeptCount++;
        tally.KeptBytes += location.LengthBytes;
    }

    private void Leave(int number, in BlobLocation location)
    {
        ref PackTally tally = ref _tallies[_index.PackOf(number)];
        tally.UnusedCount++;
        tally.UnusedBytes += location.LengthBytes;
    }

    private void Decide(UnusedLimit limit)
    {
        var partlyUsed = new List<int>();
        for (int pack = 0; pack < _tallies.Length; pack++)
        {
            ref PackTally tally = ref _tallies[pack];
            if (tally.KeptCount == 0)
            {
                tally.Action = tally.IsPresent ? PruneAction.Remove : PruneAction.Forget;
            }
            else if (tally.UnusedCount > 0)
            {
                partlyUsed.Add(pack);
                RemainingUnusedBytes += tally.UnusedBytes;
            }
        }
        long allowedBytes = limit.AllowedBytes(UsedBytes);
        // Trees are small and read by every check; then those that free most for what must be written again.
        foreach (int pack in partlyUsed.OrderByDescending(p => _tallies[p].HoldsTrees)
                     .ThenByDescending(p => (double)_tallies[p].UnusedBytes / Math.Max(1, _tallies[p].KeptBytes)).ThenBy(p => p))
        {
            if (RemainingUnusedBytes <= allowedBytes)
                break;
            _tallies[pack].Action = PruneAction.Repack;
            RemainingUnusedBytes -= _tallies[pack].UnusedBytes;
        }
    }
}
