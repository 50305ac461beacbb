using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// What a backup starts from: the index as it should be. A killed backup leaves packs that landed and that no index lists:
/// they are taken over. Packs that an index lists and that are gone, or of another length than they should have, are
/// skipped: their blobs are stored again if the volume still has them.
/// </summary>
internal sealed class OrphanPacks
{
    private readonly IReadOnlyList<string> _indexNames;

    private OrphanPacks(IReadOnlyList<string> indexNames, BlobIndex index, IReadOnlyList<IndexedPack> adopted, IReadOnlyList<BlobId> lost)
    {
        _indexNames = indexNames;
        Index = index;
        Adopted = adopted;
        Lost = lost;
    }

    public BlobIndex Index { get; }

    /// <summary>Packs that are in the index now and in no index file yet.</summary>
    public IReadOnlyList<IndexedPack> Adopted { get; }

    /// <summary>Packs that index files list and whose blobs cannot be relied on.</summary>
    public IReadOnlyList<BlobId> Lost { get; }

    /// <summary>
    /// Whether all is there still that this was read from: asked when the lock has settled, if it was loaded before. Who held
    /// the repository exclusively until then removes index files whenever it removes a pack that they list.
    /// </summary>
    public bool IsStill(ImageRepository repository) =>
        IndexLoader.AreStillThere(repository.Files, _indexNames) && Adopted.All(pack => IsThere(repository, pack.PackId));

    /// <summary>Loads the index under a held lock.</summary>
    public static OrphanPacks Load(ImageRepository repository, RepositoryLock held, CancellationToken cancellation)
    {
        Task<List<StoredFile>> listing = repository.Files.BeginList(StoredKind.Pack);
        (BlobIndex index, IReadOnlyList<string> indexNames) = IndexLoader.Load(repository.Files, repository.Sealers, onError: null, cancellation);
        Dictionary<BlobId, long> lengths = LengthsOf(listing.GetAwaiter().GetResult());
        List<BlobId> lost = MarkLost(index, lengths, repository);
        var adopted = new List<IndexedPack>();
        // In this order: who wrote a pack before it was listed holds its lock still when those are listed, or has written its
        // index before the index is loaded again. Mostly there is no such pack, and nothing is asked for.
        if (Unlisted(index, lost, lengths).Count > 0 && held.IsAlone(DateTimeOffset.Now))
        {
            (index, indexNames) = IndexLoader.Load(repository.Files, repository.Sealers, onError: null, cancellation);
            lost = MarkLost(index, lengths, repository);
            adopted = ReadHeaders(repository, Unlisted(index, lost, lengths), isEnough: null, cancellation);
            foreach (IndexedPack pack in adopted)
                RepositoryRepair.AddTo(index, pack);
        }
        return new OrphanPacks(indexNames, index, adopted, lost);
    }

    private static List<KeyValuePair<BlobId, long>> Unlisted(BlobIndex index, List<BlobId> lost, Dictionary<BlobId, long> lengths)
    {
        var known = new HashSet<BlobId>(index.Packs());
        known.UnionWith(lost);
        return lengths.Where(p => !known.Contains(p.Key)).ToList();
    }

    private static Dictionary<BlobId, long> LengthsOf(List<StoredFile> packs)
    {
        var lengths = new Dictionary<BlobId, long>();
        foreach (StoredFile file in packs)
        {
            if (BlobId.TryParse(file.Name, out BlobId id))
                lengths[id] = file.LengthBytes;
        }
        return lengths;
    }

    private static List<BlobId> MarkLost(BlobIndex index, Dictionary<BlobId, long> lengths, ImageRepository repository)
    {
        var lost = new List<BlobId>();
        foreach (KeyValuePair<BlobId, long> expected in PackLengths.Expected(index))
        {
            // A pack that came after the listing, or during it, is another backup's, of this moment.
            if (lengths.TryGetValue(expected.Key, out long found) ? found == expected.Value : IsThere(repository, expected.Key))
                continue;
            index.MarkDead(expected.Key);
            lost.Add(expected.Key);
        }
        return lost;
    }

    private static bool IsThere(ImageRepository repository, BlobId pack) =>
        repository.Files.Exists(StoredKind.Pack, pack.ToString());

    /// <summary>
    /// What packs' headers say, in the order of the list; many are read at a time. A pack that is torn (nothing refers to it) or
    /// cannot be read is left out.
    /// </summary>
    /// <param name="repository">Where the packs lie.</param>
    /// <param name="packs">Names, and lengths in bytes.</param>
    /// <param name="isEnough">Asked, one call at a time, of each pack that was read: if it says so no other is begun.</param>
    /// <param name="cancellation">Between two packs.</param>
    internal static List<IndexedPack> ReadHeaders(
        ImageRepository repository, IReadOnlyList<KeyValuePair<BlobId, long>> packs, Func<IndexedPack, bool>? isEnough, CancellationToken cancellation)
    {
        var read = new IndexedPack?[packs.Count];
        bool isDone = false;
        object gate = new();
        ParallelWork.Run(packs, ParallelWork.SmallReadCount, () => (IDisposable?)null, (item, _) =>
        {
            if (Volatile.Read(ref isDone) || TryReadHeader(repository, packs[item].Key, packs[item].Value) is not { } entries)
                return;
            var pack = read[item] = new IndexedPack(packs[item].Key, entries);
            if (isEnough is null)
                return;
            lock (gate)
                isDone = isDone || isEnough(pack);
        }, cancellation);
        return read.OfType<IndexedPack>().ToList();
    }

    private static List<PackEntry>? TryReadHeader(ImageRepository repository, BlobId pack, long lengthBytes)
    {
        try
        {
            return PackTail.Read(repository.Files, repository.Sealers, pack, lengthBytes, expectedBytes: null).Entries;
        }
        catch (FormatException)
        {
            return null;
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.PackCorrupt or ErrorId.RepositoryReadFailed or ErrorId.RepositoryAccessDenied)
        {
            return null;
        }
    }
}
