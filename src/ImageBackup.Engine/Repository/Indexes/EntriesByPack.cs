using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Packs;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>
/// The entries of an index by the pack that they lie in, dead packs counted: 4 bytes an entry and 4 a pack, and no list of a
/// pack's blobs until somebody asks for it. Nobody may add to the index meanwhile. Any thread.
/// </summary>
internal sealed class EntriesByPack
{
    private readonly BlobIndex _index;
    private readonly int[] _numbers;
    private readonly int[] _starts;

    public EntriesByPack(BlobIndex index)
    {
        _index = index;
        _numbers = new int[index.Count];
        _starts = new int[index.PackCount + 1];
        for (int number = 0; number < _numbers.Length; number++)
            _starts[index.PackOf(number) + 1]++;
        for (int pack = 0; pack < index.PackCount; pack++)
            _starts[pack + 1] += _starts[pack];
        int[] next = (int[])_starts.Clone();
        for (int number = 0; number < _numbers.Length; number++)
            _numbers[next[index.PackOf(number)]++] = number;
    }

    public long MemoryBytes => _numbers.Length * 4L;

    /// <summary>The number of a pack that an index file lists and that is not dead; -1 if there is none.</summary>
    public int LivePackOf(BlobId packId) => _index.PackNumberOf(packId) is >= 0 and var pack && !_index.IsDead(pack) ? pack : -1;

    /// <summary>The numbers of a pack's entries, in the order of their addition.</summary>
    public ArraySegment<int> NumbersOf(int pack) => new(_numbers, _starts[pack], _starts[pack + 1] - _starts[pack]);

    /// <summary>A pack's blobs, in the order of their addition; a new list.</summary>
    public List<PackEntry> BlobsOf(int pack)
    {
        ArraySegment<int> numbers = NumbersOf(pack);
        var blobs = new List<PackEntry>(numbers.Count);
        foreach (int number in numbers)
        {
            (BlobId id, BlobLocation location, _) = _index.EntryAt(number);
            blobs.Add(new PackEntry(id, location));
        }
        return blobs;
    }

    /// <summary>How long the file of a pack must be by what the index says lies in it.</summary>
    public long LengthBytes(int pack)
    {
        long blobBytes = 0;
        int compressedCount = 0;
        ArraySegment<int> numbers = NumbersOf(pack);
        foreach (int number in numbers)
        {
            BlobLocation location = _index.EntryAt(number).Location;
            blobBytes += location.LengthBytes;
            compressedCount += location.IsCompressed ? 1 : 0;
        }
        return PackHeader.PackLengthBytes(blobBytes, numbers.Count - compressedCount, compressedCount);
    }
}
