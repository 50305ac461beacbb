using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>
/// Which blobs are wanted and what for, by pack: each pack's are read once, from its front to its back, whatever order they are wanted
/// in. Packs come in the order in which they were first wanted. 24 bytes a place. Filled by one thread, then ended
/// (<see cref="Complete"/>), then read by any; nobody may add to the index meanwhile.
/// </summary>
/// <param name="index">Where the blobs lie.</param>
internal sealed class PackReadPlan(BlobIndex index)
{
    private readonly List<Place> _places = new();
    private readonly Dictionary<int, int> _ranks = new();

    /// <summary>The longest blob, in bytes of its pack: a buffer must hold that.</summary>
    public int LongestBlobBytes { get; private set; }

    public int Count => _places.Count;

    /// <summary>Wants a blob that the index lists, from where it is read first.</summary>
    /// <param name="id">The blob.</param>
    /// <param name="type">Its type.</param>
    /// <param name="item">What it is wanted for: the caller's number.</param>
    public void Add(BlobId id, BlobType type, long item) => Add(index.NumberToRead(id, type), item);

    /// <summary>Wants an entry of the index.</summary>
    public void Add(int entry, long item)
    {
        (_, BlobLocation location, int pack) = index.EntryAt(entry);
        if (!_ranks.TryGetValue(pack, out int rank))
            _ranks.Add(pack, rank = _ranks.Count);
        _places.Add(new Place(rank, location.OffsetBytes, entry, item));
        LongestBlobBytes = Math.Max(LongestBlobBytes, (int)location.LengthBytes);
    }

    /// <summary>Puts what was wanted into the order of its reading.</summary>
    public void Complete()
    {
        _places.Sort();
        _ranks.Clear();
    }

    /// <summary>The reads, pack by pack.</summary>
    public IEnumerable<PackRequest> Requests(ReadShape shape)
    {
        for (int first = 0, number = 0, next; first < _places.Count; first = next, number++)
        {
            int requestBytes = shape.RequestBytesAt(number);
            Place start = _places[first];
            BlobLocation location = BlobAt(first).Location;
            long end = start.OffsetBytes + (long)location.LengthBytes;
            for (next = first + 1; next < _places.Count && _places[next].Rank == start.Rank; next++)
            {
                uint offset = _places[next].OffsetBytes;
                long longer = Math.Max(end, offset + (long)BlobAt(next).Location.LengthBytes);
                if (offset > end + shape.GapBytesBehind(end - start.OffsetBytes) || longer - start.OffsetBytes > requestBytes)
                    break;
                end = longer;
            }
            yield return new PackRequest(location.PackId, start.OffsetBytes, (int)(end - start.OffsetBytes), first, next - first);
        }
    }

    /// <summary>How long a request's blobs are together, in bytes of the pack.</summary>
    public long BlobBytes(in PackRequest request)
    {
        long bytes = 0;
        for (int place = request.First, end = request.First + request.Count; place < end; place = NextBlob(place))
            bytes += BlobAt(place).Location.LengthBytes;
        return bytes;
    }

    /// <summary>The blob of a place.</summary>
    public (BlobId Id, BlobLocation Location) BlobAt(int place)
    {
        (BlobId id, BlobLocation location, _) = index.EntryAt(_places[place].Entry);
        return (id, location);
    }

    /// <summary>What a place's blob is wanted for.</summary>
    public long ItemAt(int place) => _places[place].Item;

    /// <summary>The first place behind this one that wants another blob.</summary>
    public int NextBlob(int place)
    {
        int entry = _places[place].Entry;
        do
            place++;
        while (place < _places.Count && _places[place].Entry == entry);
        return place;
    }

    private readonly struct Place(int rank, uint offsetBytes, int entry, long item) : IComparable<Place>
    {
        public readonly long Item = item;
        public readonly int Rank = rank;
        public readonly uint OffsetBytes = offsetBytes;
        public readonly int Entry = entry;

        public int CompareTo(Place other)
        {
            int order = Rank.CompareTo(other.Rank);
            if (order == 0)
                order = OffsetBytes.CompareTo(other.OffsetBytes);
            // Hostile index files may list two blobs at one place.
            if (order == 0)
                order = Entry.CompareTo(other.Entry);
            return order != 0 ? order : Item.CompareTo(other.Item);
        }
    }
}
