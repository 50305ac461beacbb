using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>
/// Entries and packs by number, from 0, in the order of addition: what maintenance keeps a bit or an array element for.
/// Dead packs count too. Nobody may add meanwhile.
/// </summary>
internal sealed partial class BlobIndex
{
    /// <summary>Packs, the dead ones counted.</summary>
    public int PackCount => _packIds.Count;

    public BlobId PackAt(int pack) => _packIds[pack];

    /// <summary>-1 if no index file lists the pack.</summary>
    public int PackNumberOf(BlobId packId) => _packNumbers.TryGetValue(packId, out int pack) ? pack : -1;

    public (BlobId Id, BlobLocation Location, int Pack) EntryAt(int number)
    {
        ref Entry entry = ref At(number);
        return (entry.Id, entry.LocationIn(_packIds[entry.Pack]), entry.Pack);
    }

    /// <summary>Only superseded index files list the pack, or it was marked dead.</summary>
    public bool IsDead(int pack) => _deadPacks.Contains(pack);

    public int PackOf(int number) => At(number).Pack;

    /// <summary>The entry that <see cref="TryFind"/> finds; -1 if there is none.</summary>
    public int NumberToRead(BlobId id, BlobType type)
    {
        int live = Find(id, type, isLive: true);
        return live >= 0 || _deadPacks.Count == 0 ? live : Find(id, type, isLive: false);
    }

    /// <summary>The first entry of a blob, which stands for all its copies; -1 if there is none.</summary>
    public int FirstNumber(BlobId id, BlobType type) => Find(id, type, isLive: false);

    /// <summary>Adds the numbers of all entries of a blob, the first one first.</summary>
    public void NumbersOf(BlobId id, BlobType type, List<int> numbers)
    {
        int slot = SlotOf(id);
        for (int number; (number = Next(id, type, ref slot)) >= 0;)
            numbers.Add(number);
    }
}
