using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>
/// Every blob the repository has and where it lies, in constant memory per blob: 48 bytes an entry and 4 bytes a hash
/// slot at a load of at most 3/4 (so 54–59 bytes; never more than 59 + one segment). Any thread.
/// </summary>
/// <remarks>
/// A blob may lie in several packs; each place is an entry. Entries whose pack has been marked dead (it was listed only
/// by superseded index files) are read only if there is no other, and never count as stored: restic itself takes no
/// notice of what an index supersedes, so after a removal that was killed half way its backups may still refer to such a
/// pack.
/// </remarks>
internal sealed partial class BlobIndex
{
    private const int SegmentBits = 12;
    private const int SegmentCount = 1 << SegmentBits;
    private const uint TreeFlag = 0x8000_0000;

    private readonly object _lock = new();
    private readonly List<Entry[]> _segments = new();
    private readonly List<BlobId> _packIds = new();
    private readonly Dictionary<BlobId, int> _packNumbers = new();
    private readonly HashSet<int> _deadPacks = new();
    private int[] _slots = new int[1024];
    private int _count;

    /// <summary>Entries, counting a blob once for each pack it lies in.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    /// <summary>Bytes this index takes for its blobs (not its packs).</summary>
    public long MemoryBytes
    {
        get
        {
            lock (_lock)
                return (long)_segments.Count * SegmentCount * 48 + (long)_slots.Length * sizeof(int);
        }
    }

    public void Add(BlobId id, in BlobLocation location)
    {
        lock (_lock)
        {
            int pack = PackNumber(location.PackId);
            int slot = SlotOf(id);
            for (int entry; (entry = _slots[slot]) != 0; slot = slot + 1 & _slots.Length - 1)
            {
                ref Entry known = ref At(entry - 1);
                if (known.Id == id && known.Pack == pack && known.Type == location.Type && known.OffsetBytes == location.OffsetBytes)
                    return;
            }
            if ((_count & SegmentCount - 1) == 0 && _count >> SegmentBits == _segments.Count)
                _segments.Add(new Entry[SegmentCount]);
            At(_count) = new Entry(id, pack, location);
            _slots[slot] = ++_count;
            if (_count > _slots.Length / 4 * 3)
                Grow();
        }
    }

    /// <summary>Where to read a blob: in a live pack, else in a dead one.</summary>
    public bool TryFind(BlobId id, BlobType type, out BlobLocation location)
    {
        lock (_lock)
        {
            int number = NumberToRead(id, type);
            location = number >= 0 ? At(number).LocationIn(_packIds[At(number).Pack]) : default;
            return number >= 0;
        }
    }

    /// <summary>A live pack holds the blob: it need not be stored again.</summary>
    public bool Contains(BlobId id, BlobType type)
    {
        lock (_lock)
            return Find(id, type, isLive: true) >= 0;
    }

    private int Find(BlobId id, BlobType type, bool isLive)
    {
        int slot = SlotOf(id);
        for (int number; (number = Next(id, type, ref slot)) >= 0;)
        {
            if (!(isLive && _deadPacks.Contains(At(number).Pack)))
                return number;
        }
        return -1;
    }

    /// <summary>The next entry of the blob from a slot on, and the slot behind it; -1 if there is none.</summary>
    private int Next(BlobId id, BlobType type, ref int slot)
    {
        for (int entry; (entry = _slots[slot]) != 0;)
        {
            slot = slot + 1 & _slots.Length - 1;
            ref Entry known = ref At(entry - 1);
            if (known.Id == id && known.Type == type)
                return entry - 1;
        }
        return -1;
    }

    /// <summary>Every place where the blob lies, in the order of <see cref="TryFind"/>.</summary>
    public List<BlobLocation> FindAll(BlobId id, BlobType type)
    {
        var found = new List<BlobLocation>();
        lock (_lock)
        {
            int slot = SlotOf(id);
            for (int number; (number = Next(id, type, ref slot)) >= 0;)
            {
                ref Entry known = ref At(number);
                if (!_deadPacks.Contains(known.Pack))
                    found.Add(known.LocationIn(_packIds[known.Pack]));
            }
        }
        return found;
    }

    public void MarkDead(BlobId packId)
    {
        lock (_lock)
        {
            if (_packNumbers.TryGetValue(packId, out int pack))
                _deadPacks.Add(pack);
        }
    }

    public void MarkLive(BlobId packId)
    {
        lock (_lock)
        {
            if (_packNumbers.TryGetValue(packId, out int pack))
                _deadPacks.Remove(pack);
        }
    }

    /// <summary>The live packs.</summary>
    public List<BlobId> Packs()
    {
        lock (_lock)
        {
            var packs = new List<BlobId>(_packIds.Count);
            for (int pack = 0; pack < _packIds.Count; pack++)
            {
                if (!_deadPacks.Contains(pack))
                    packs.Add(_packIds[pack]);
            }
            return packs;
        }
    }

    /// <summary>
    /// Every entry of a live pack, in the order of addition. Not locked while the caller works; nobody may add meanwhile.
    /// </summary>
    public IEnumerable<(BlobId Id, BlobLocation Location)> Entries()
    {
        int count = Count;
        for (int i = 0; i < count; i++)
        {
            Entry entry = _segments[i >> SegmentBits][i & SegmentCount - 1];
            if (!_deadPacks.Contains(entry.Pack))
                yield return (entry.Id, entry.LocationIn(_packIds[entry.Pack]));
        }
    }

    private int PackNumber(BlobId packId)
    {
        if (!_packNumbers.TryGetValue(packId, out int pack))
        {
            pack = _packIds.Count;
            _packIds.Add(packId);
            _packNumbers.Add(packId, pack);
        }
        return pack;
    }

    private ref Entry At(int index) => ref _segments[index >> SegmentBits][index & SegmentCount - 1];

    private int SlotOf(BlobId id) => id.GetHashCode() & _slots.Length - 1;

    private void Grow()
    {
        _slots = new int[_slots.Length * 2];
        for (int i = 0; i < _count; i++)
        {
            int slot = SlotOf(At(i).Id);
            while (_slots[slot] != 0)
                slot = slot + 1 & _slots.Length - 1;
            _slots[slot] = i + 1;
        }
    }

    private readonly struct Entry(BlobId id, int pack, in BlobLocation location)
    {
        public readonly BlobId Id = id;
        public readonly int Pack = pack;
        public readonly uint OffsetBytes = location.OffsetBytes;
        public readonly uint LengthBytes = location.LengthBytes;
        private readonly uint _uncompressedAndType = location.UncompressedLengthBytes | (location.Type == BlobType.Tree ? TreeFlag : 0);

        public BlobType Type => (_uncompressedAndType & TreeFlag) != 0 ? BlobType.Tree : BlobType.Data;

        public BlobLocation LocationIn(BlobId packId) => new(packId, Type, OffsetBytes, LengthBytes, _uncompressedAndType & ~TreeFlag);
    }
}
