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
    private readonly List<IndexedPack> _kept = new();
    private readonly List<IndexedPack> _adopted = new();
    private readonly List<DamagedPack> _damaged = new();
    private readonly List<UnreadableFile> _unparsed = new();
    private readonly HashSet<(BlobId, BlobType)> _salvageable = new();

    public int PackCount { get; private set; }
    public int MissingCount { get; private set; }

    /// <summary>True if a pack's own header says something else of it than the index did.</summary>
    public bool IsRelisted { get; private set; }

    /// <summary>Whole packs as they are to be listed, the adopted ones among them.</summary>
    public IReadOnlyList<IndexedPack> Kept => _kept;
    public IReadOnlyList<IndexedPack> Adopted => _adopted;
    public IReadOnlyList<DamagedPack> Damaged => _damaged;

    /// <summary>
    /// Packs that are what was written, byte for byte (their name is their hash), and whose header this version cannot parse.
    /// They stay; what an index lists of them and is whole stays listed.
    /// </summary>
    public IReadOnlyList<UnreadableFile> Unparsed => _unparsed;

    public void Run(BlobIndex index, bool readData, Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        var listed = new Dictionary<BlobId, List<PackEntry>>();
        foreach ((BlobId id, BlobLocation at) in index.Entries())
        {
            if (!listed.TryGetValue(at.PackId, out List<PackEntry>? blobs))
                listed.Add(at.PackId, blobs = new());
            blobs.Add(new PackEntry(id, at));
        }
        List<StoredFile> packs = _files.List(StoredKind.Pack).ToList();
        PackCount = packs.Count;
        long totalBytes = PackLengths.Total(packs.Select(p => PackLengths.Readable(p.LengthBytes))), doneBytes = 0;
        using var reader = new BlobReader(_files, repository.Sealers);
        foreach (StoredFile file in packs)
        {
            cancellation.ThrowIfCancellationRequested();
            if (BlobId.TryParse(file.Name, out BlobId id))
            {
                listed.TryGetValue(id, out List<PackEntry>? blobs);
                listed.Remove(id);
                Sort(id, file.LengthBytes, blobs, readData, reader, cancellation);
            }
            progressBytes?.Invoke(doneBytes += PackLengths.Readable(file.LengthBytes), totalBytes);
        }
        MissingCount = listed.Count;
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
                yield return (entry.Type, entry.Id, reader.Read(entry.Id, LocationOf(pack.Id, entry)));
            }
        }
    }

    private void Sort(BlobId id, long lengthBytes, List<PackEntry>? listed, bool readData, BlobReader reader, CancellationToken cancellation)
    {
        if (listed is not null && !readData && lengthBytes == LengthOf(listed))
        {
            _kept.Add(new IndexedPack(id, listed));
            return;
        }
        List<PackEntry>? header = null;
        bool isUnreadable = false;
        string? fault = null;
        try
        {
            header = PackVerifier.ReadHeader(repository, id, lengthBytes);
        }
        catch (FormatException e)
        {
            fault = e.Message;
        }
        catch (ImageBackupException e) when (IsOfThisPack(e))
        {
            isUnreadable = e.Id == ErrorId.RepositoryReadFailed;
        }
        if (header is not null && !readData)
        {
            Keep(id, header, listed);
            return;
        }

        // Torn, or every byte is wanted: each blob is read. If the header is gone an index may still know the blobs.
        List<PackEntry> candidates = header ?? listed ?? new();
        var whole = new List<PackEntry>();
        foreach (PackEntry entry in candidates)
        {
            cancellation.ThrowIfCancellationRequested();
            // Twice: a pack is given up for what is on the disk, not for what one reading of it gave.
            if (IsWhole(id, entry, reader, ref isUnreadable) || IsWhole(id, entry, reader, ref isUnreadable))
                whole.Add(entry);
        }
        if (header is not null && whole.Count == header.Count && PackVerifier.HasName(repository, id, lengthBytes, cancellation))
        {
            Keep(id, header, listed);
            return;
        }
        if (fault is not null && IsAsWritten(id, lengthBytes, cancellation))
        {
            _unparsed.Add(new UnreadableFile("pack", id.ToString(), fault));
            if (listed is not null)
                _kept.Add(new IndexedPack(id, whole));
            IsRelisted |= whole.Count < candidates.Count;
            return;
        }
        // A torn pack that no index ever listed was never in use.
        _damaged.Add(new DamagedPack(id, whole, isUnreadable));
        _salvageable.UnionWith(whole.Select(e => (e.Id, e.Type)));
    }

    /// <summary>Every byte of the pack is what its writer wrote.</summary>
    private bool IsAsWritten(BlobId id, long lengthBytes, CancellationToken cancellation)
    {
        try
        {
            return PackVerifier.HasName(repository, id, lengthBytes, cancellation);
        }
        catch (ImageBackupException e) when (IsOfThisPack(e))
        {
            return false;
        }
    }

    private void Keep(BlobId id, List<PackEntry> header, List<PackEntry>? listed)
    {
        var pack = new IndexedPack(id, header);
        _kept.Add(pack);
        if (listed is null)
            _adopted.Add(pack);
        else if (!new HashSet<PackEntry>(header).SetEquals(listed))
            IsRelisted = true;
    }

    private bool IsWhole(BlobId pack, PackEntry entry, BlobReader reader, ref bool isUnreadable)
    {
        try
        {
            reader.Read(entry.Id, LocationOf(pack, entry));
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

    private static BlobLocation LocationOf(BlobId pack, PackEntry entry) =>
        new(pack, entry.Type, entry.OffsetBytes, entry.LengthBytes, entry.UncompressedLengthBytes);

    private static long LengthOf(List<PackEntry> blobs)
    {
        int compressedCount = blobs.Count(b => b.UncompressedLengthBytes != 0);
        return PackHeader.PackLengthBytes(blobs.Sum(b => (long)b.LengthBytes), blobs.Count - compressedCount, compressedCount);
    }
}
