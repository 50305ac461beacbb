using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>A pack that is torn or corrupt, and the blobs in it that are whole.</summary>
internal sealed record DamagedPack(BlobId Id, IReadOnlyList<PackEntry> Whole, bool IsUnreadable);

/// <summary>Sorts packs: those that are kept as they are, those that no index listed, those that are damaged.</summary>
internal sealed class PackSalvage(ImageRepository repository)
{
    private readonly RepositoryFiles _files = repository.Files;
    private readonly List<(BlobId Id, IReadOnlyList<PackEntry>? Entries)> _kept = new();
    private readonly List<IndexedPack> _adopted = new();
    private readonly List<DamagedPack> _damaged = new();
    private readonly List<UnreadableFile> _unparsed = new();
    private readonly HashSet<(BlobId, BlobType)> _salvageable = new();
    private EntriesByPack? _listed;

    public int PackCount { get; private set; }
    public int MissingCount { get; private set; }

    /// <summary>True if a pack's own header says something else of it than the index did.</summary>
    public bool IsRelisted { get; private set; }

    /// <summary>Whole packs as they are to be listed, the adopted ones among them. Of a pack that stays as it was listed the list is made when it is asked for.</summary>
    public IEnumerable<IndexedPack> Kept => _kept.Select(kept => new IndexedPack(kept.Id, kept.Entries ?? _listed!.BlobsOf(_listed.LivePackOf(kept.Id))));

    /// <summary>Every pack that an index lists is whole and as it was listed: of its blobs no other list is needed.</summary>
    public bool IsAsListed => MissingCount == 0 && _damaged.Count == 0 && !IsRelisted;

    public IReadOnlyList<IndexedPack> Adopted => _adopted;
    public IReadOnlyList<DamagedPack> Damaged => _damaged;

    /// <summary>
    /// Packs that are what was written, byte for byte (their name is their hash), and whose header this version cannot parse.
    /// They stay; what an index lists of them and is whole stays listed.
    /// </summary>
    public IReadOnlyList<UnreadableFile> Unparsed => _unparsed;

    public void Run(BlobIndex index, IReadOnlyList<StoredFile> packs, RepositoryRepairOptions options, Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        EntriesByPack listed = _listed = new EntriesByPack(index);
        PackCount = packs.Count;
        long totalBytes = PackLengths.Total(packs.Select(p => PackLengths.Readable(p.LengthBytes))), doneBytes = 0;
        var found = new Finding?[packs.Count];
        var present = new HashSet<int>();
        var proven = new HashSet<(BlobId, long)>(options.Proven ?? []);
        var headers = new Dictionary<(BlobId, long), IReadOnlyList<PackEntry>>();
        foreach (KeyValuePair<(BlobId PackId, long LengthBytes), IReadOnlyList<PackEntry>> header in options.Headers ?? new Dictionary<(BlobId, long), IReadOnlyList<PackEntry>>())
            headers.Add(header.Key, header.Value);
        ParallelWork.Run(packs, options.ReadData ? ParallelWork.CoreCount : ParallelWork.SmallReadCount, () => new PackVerifier(repository), (item, verifier) =>
        {
            StoredFile file = packs[item];
            if (BlobId.TryParse(file.Name, out BlobId id))
            {
                int pack = listed.LivePackOf(id);
                lock (present)
                    present.Add(pack);
                bool readData = options.ReadData && !proven.Contains((id, file.LengthBytes));
                Finding finding = found[item] = pack < 0 && !readData && headers.TryGetValue((id, file.LengthBytes), out IReadOnlyList<PackEntry>? header)
                    ? new Finding { Kept = id, Entries = header, IsAdopted = true }
                    : Sort(id, file.LengthBytes, pack < 0 ? null : listed.BlobsOf(pack), readData, verifier, cancellation);
                if (finding is { IsAdopted: true, Unparsed: null } && options.Headers is { } read)
                {
                    lock (read)
                        read[(id, file.LengthBytes)] = finding.Entries!;
                }
                // Not one whose header and index differ: without a reading the index would be believed.
                if (readData && options.Proven is { } known && finding is { Kept: not null, Unparsed: null, IsRelisted: false })
                {
                    lock (known)
                        known.Add((id, file.LengthBytes));
                }
            }
            progressBytes?.Invoke(Interlocked.Add(ref doneBytes, PackLengths.Readable(file.LengthBytes)), totalBytes);
        }, cancellation);
        foreach (Finding? finding in found)
        {
            if (finding is not null)
                Add(finding);
        }
        MissingCount = Enumerable.Range(0, index.PackCount).Count(pack => !index.IsDead(pack) && !present.Contains(pack));
    }

    /// <summary>In the order of the listing, whichever thread was first: what is listed first is what later readers go to.</summary>
    private void Add(Finding finding)
    {
        if (finding.Kept is { } id)
            _kept.Add((id, finding.Entries));
        if (finding is { Kept: { } adopted, IsAdopted: true })
            _adopted.Add(new IndexedPack(adopted, finding.Entries!));
        IsRelisted |= finding.IsRelisted;
        if (finding.Unparsed is not null)
            _unparsed.Add(finding.Unparsed);
        if (finding.Damaged is not { } damaged)
            return;
        _damaged.Add(damaged);
        _salvageable.UnionWith(damaged.Whole.Select(e => (e.Id, e.Type)));
    }

    public bool CanSalvage(BlobId id, BlobType type) => _salvageable.Contains((id, type));

    /// <summary>Blobs that only damaged packs hold whole.</summary>
    public long SalvageableCount(BlobIndex whole) => _salvageable.LongCount(b => !whole.Contains(b.Item1, b.Item2));

    /// <summary>Lists the salvageable blobs where they lie, for a plan.</summary>
    public void AddSalvageable(BlobIndex whole)
    {
        foreach (DamagedPack pack in _damaged)
            RepositoryRepair.AddTo(whole, new IndexedPack(pack.Id, pack.Whole));
    }

    /// <summary>Reads what is whole in the damaged packs.</summary>
    public IEnumerable<(BlobType Type, BlobId Id, byte[] Content)> Salvage(CancellationToken cancellation)
    {
        using var reader = new BlobReader(_files, repository.Sealers);
        foreach (DamagedPack pack in _damaged)
        {
            foreach (PackEntry entry in pack.Whole)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return (entry.Type, entry.Id, reader.Read(entry.Id, entry.In(pack.Id)));
            }
        }
    }

    /// <summary>What is to be done with one pack.</summary>
    private sealed record Finding
    {
        public BlobId? Kept { get; init; }

        /// <summary>Of a pack that is kept: how it is to be listed; null: as it was.</summary>
        public IReadOnlyList<PackEntry>? Entries { get; init; }
        public bool IsAdopted { get; init; }
        public bool IsRelisted { get; init; }
        public DamagedPack? Damaged { get; init; }
        public UnreadableFile? Unparsed { get; init; }
    }

    private Finding Sort(BlobId id, long lengthBytes, List<PackEntry>? listed, bool readData, PackVerifier verifier, CancellationToken cancellation)
    {
        if (listed is not null && !readData && lengthBytes == PackVerifier.LengthOf(listed))
            return new Finding { Kept = id };
        PackTail? tail = null;
        bool isUnreadable = false;
        string? fault = null;
        try
        {
            tail = PackTail.Read(_files, repository.Sealers, id, lengthBytes, listed is null ? null : PackTail.LengthOf(listed));
        }
        catch (FormatException e)
        {
            fault = e.Message;
        }
        catch (ImageBackupException e) when (IsOfThisPack(e))
        {
            isUnreadable = e.Id == ErrorId.RepositoryReadFailed;
        }
        if (tail is not null && (!readData || IsWhole(id, tail, verifier, cancellation)))
            return Keep(id, tail.Entries, listed);

        // Torn, or not all of it is right: each blob is read. If the header is gone an index may still know the blobs.
        List<PackEntry> candidates = tail?.Entries ?? listed ?? new();
        var whole = new List<PackEntry>();
        foreach (PackEntry entry in candidates)
        {
            cancellation.ThrowIfCancellationRequested();
            // Twice: a pack is given up for what is on the disk, not for what one reading of it gave.
            if (IsWhole(id, entry, verifier, ref isUnreadable) || IsWhole(id, entry, verifier, ref isUnreadable))
                whole.Add(entry);
        }
        if (tail is not null && whole.Count == tail.Entries.Count && verifier.HasName(id, lengthBytes, cancellation))
            return Keep(id, tail.Entries, listed);
        if (fault is not null && IsAsWritten(id, lengthBytes, verifier, cancellation))
        {
            return new Finding
            {
                Unparsed = new UnreadableFile("pack", id.ToString(), fault),
                Kept = listed is null ? null : id,
                Entries = whole,
                IsRelisted = whole.Count < candidates.Count,
            };
        }
        // A torn pack that no index ever listed was never in use.
        return new Finding { Damaged = new DamagedPack(id, whole, isUnreadable) };
    }

    /// <summary>All of it, in one reading. If not, what is wrong is found out blob by blob.</summary>
    private bool IsWhole(BlobId id, PackTail tail, PackVerifier verifier, CancellationToken cancellation)
    {
        try
        {
            return verifier.IsWhole(id, tail, cancellation);
        }
        catch (ImageBackupException e) when (IsOfThisPack(e))
        {
            return false;
        }
    }

    /// <summary>Every byte of the pack is what its writer wrote.</summary>
    private bool IsAsWritten(BlobId id, long lengthBytes, PackVerifier verifier, CancellationToken cancellation)
    {
        try
        {
            return verifier.HasName(id, lengthBytes, cancellation);
        }
        catch (ImageBackupException e) when (IsOfThisPack(e))
        {
            return false;
        }
    }

    private static Finding Keep(BlobId id, List<PackEntry> header, List<PackEntry>? listed) => listed is not null && new HashSet<PackEntry>(header).SetEquals(listed)
        ? new Finding { Kept = id }
        : new Finding { Kept = id, Entries = header, IsAdopted = listed is null, IsRelisted = listed is not null };

    private bool IsWhole(BlobId pack, PackEntry entry, PackVerifier verifier, ref bool isUnreadable)
    {
        try
        {
            verifier.Prove(pack, entry);
            return true;
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.ChunkCorrupt || IsOfThisPack(e))
        {
            isUnreadable |= e.Id == ErrorId.RepositoryReadFailed;
            return false;
        }
    }

    /// <summary>A fault of one file, not of a storage that is away: nothing may be given up for that.</summary>
    private bool IsOfThisPack(ImageBackupException e) => e.Id is ErrorId.PackCorrupt or ErrorId.RepositoryReadFailed && repository.IsReachable();
}
