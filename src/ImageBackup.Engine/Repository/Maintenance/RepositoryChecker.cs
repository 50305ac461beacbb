using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Finds what is wrong in a repository and goes on: indexes, packs' presence and lengths, snapshot records, trees, and that every
/// blob a tree names is there; with data, every byte of every pack.
/// </summary>
internal sealed class RepositoryChecker(ImageRepository repository)
{
    private readonly List<RepositoryProblem> _problems = new();

    /// <summary>Blobs that images need and the index does not list.</summary>
    private readonly HashSet<BlobId> _missed = new();

    /// <summary>Places where a blob is missing or corrupt.</summary>
    private readonly HashSet<(BlobId PackId, uint OffsetBytes)> _bad = new();

    public RepositoryCheckResult Run(RepositoryCheckOptions options, Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        RepositoryFiles files = repository.Files;
        // Index files and snapshot records that are kept here are believed, for their names are listed there, unless every byte is to be read.
        using IDisposable? fresh = options.ReadData ? files.PassCache(StoredKind.Pack, StoredKind.Index, StoredKind.Snapshot) : files.PassCache(StoredKind.Pack);
        Contents? early = null;
        using RepositoryLock? held = repository.LockForReading(cancellation, () => early = Read(ListsAhead.Begin(files, StoredKind.Pack, StoredKind.Snapshot, StoredKind.Index), cancellation));
        if (early is not null && !IsStill(early))
            early = null;
        (List<StoredFile> snapshots, BlobIndex index, IReadOnlyList<string> indexNames, Dictionary<BlobId, long> packs, EntriesByPack listed) = early ?? Read(ahead: null, cancellation);
        bool isIndexLost = _missed.Count > 0 && UnlistedPacks.Held(repository, index, _missed, cancellation).Count > 0;
        List<KeyValuePair<BlobId, long>> sample = options.ReadData ? Sample(packs, options) : new();
        ReadPacks(sample, listed, progressBytes, cancellation);
        List<DamagedImage> damaged = _problems.Count == 0
            ? new()
            : new AffectedImages(repository, index, location => _bad.Contains((location.PackId, location.OffsetBytes))).Find(cancellation);

        held?.ThrowIfLost();
        return new RepositoryCheckResult
        {
            Repository = repository.Location,
            IsHealthy = _problems.Count == 0,
            DataRead = options.ReadData,
            ReadPackCount = sample.Count,
            SampleEnd = sample.Count > 0 && sample.Count < packs.Count ? sample[sample.Count - 1].Key.ToString() : null,
            DamagedImages = damaged,
            PackCount = packs.Count,
            IndexCount = indexNames.Count,
            SnapshotCount = snapshots.Count,
            BlobCount = index.Count,
            PackBytes = PackLengths.Total(packs.Values),
            UnreferencedPackCount = packs.Keys.Count(pack => listed.LivePackOf(pack) < 0),
            Problems = _problems,
            IsIndexLost = isIndexLost,
            Duration = clock.Elapsed,
        };
    }

    /// <summary>What is there, and its structure has been checked. That is done while the lock settles, and counts if nothing was removed meanwhile.</summary>
    private sealed record Contents(List<StoredFile> Snapshots, BlobIndex Index, IReadOnlyList<string> IndexNames, Dictionary<BlobId, long> Packs, EntriesByPack Listed);

    /// <summary>
    /// Whether what was read before the lock stood can be relied on: who removed packs removed index files, and whose image's snapshot record
    /// may have been listed before its index has added one.
    /// </summary>
    private bool IsStill(Contents early) => new HashSet<string>(early.IndexNames, StringComparer.Ordinal).SetEquals(repository.Files.List(StoredKind.Index).Select(file => file.Name));

    private Contents Read(ListsAhead? ahead, CancellationToken cancellation)
    {
        RepositoryFiles files = repository.Files;
        _problems.Clear();
        _missed.Clear();
        _bad.Clear();
        Task<IReadOnlyList<RepositoryKeyInfo>> keys = BeginKeys();
        Task<List<StoredFile>> listing = files.BeginList(StoredKind.Pack, ahead);
        // Snapshot records are listed before the index is loaded: see design.rst, "Read and Write Ordering".
        List<StoredFile> snapshots = files.List(StoredKind.Snapshot, ahead).ToList();
        (BlobIndex index, IReadOnlyList<string> indexNames) = IndexLoader.Load(files, repository.Sealers,
            (name, e) => Report(e.Id, "index/" + name, e.Message), cancellation, ahead);
        var contents = new Contents(snapshots, index, indexNames, LengthsOf(listing.GetAwaiter().GetResult()), new EntriesByPack(index));
        CheckKeys(keys.GetAwaiter().GetResult());
        CheckPacks(index, contents.Listed, contents.Packs);
        CheckSnapshots(files, snapshots, index, cancellation);
        return contents;
    }

    /// <summary>Every key's structure; whether another password opens it is not known.</summary>
    private void CheckKeys(IReadOnlyList<RepositoryKeyInfo> keys)
    {
        foreach (RepositoryKeyInfo key in keys)
        {
            if (key.Problem is { } problem)
                Report(ErrorId.KeyCorrupt, "keys/" + key.Id, problem);
        }
        if (keys.All(key => !key.IsCurrent))
            Report(ErrorId.KeyCorrupt, "keys/" + repository.KeyName, "The key that opened the repository is gone.");
    }

    /// <summary>Of a server they are read while lists are taken.</summary>
    private Task<IReadOnlyList<RepositoryKeyInfo>> BeginKeys() => repository.Files.Traits.IsRemote
        ? Task.Factory.StartNew(repository.Keys, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
        : Task.FromResult(repository.Keys());

    private static Dictionary<BlobId, long> LengthsOf(List<StoredFile> files)
    {
        var packs = new Dictionary<BlobId, long>();
        foreach (StoredFile file in files)
        {
            if (BlobId.TryParse(file.Name, out BlobId id))
                packs[id] = file.LengthBytes;
        }
        return packs;
    }

    /// <summary>That the packs which the index lists are there, and as long as it says. Nothing is read.</summary>
    private void CheckPacks(BlobIndex index, EntriesByPack listed, Dictionary<BlobId, long> packs)
    {
        for (int pack = 0; pack < index.PackCount; pack++)
        {
            if (index.IsDead(pack))
                continue;
            BlobId id = index.PackAt(pack);
            if (!packs.TryGetValue(id, out long lengthBytes) && !TryFindLate(id, packs, out lengthBytes))
            {
                Report(ErrorId.PackCorrupt, PackFile(id), $"The pack is missing; the index says it holds {listed.NumbersOf(pack).Count} blobs.");
                NoteBad(id, listed.BlobsOf(pack), behindBytes: 0);
            }
            else if (listed.LengthBytes(pack) is var expected && expected != lengthBytes)
            {
                Report(ErrorId.PackCorrupt, PackFile(id), $"The pack is {lengthBytes} bytes long instead of {expected}.");
                NoteBad(id, listed.BlobsOf(pack), lengthBytes);
            }
        }
    }

    /// <summary>A pack that came after the listing, or during it, is a backup's of this moment.</summary>
    private bool TryFindLate(BlobId pack, Dictionary<BlobId, long> packs, out long lengthBytes)
    {
        lengthBytes = 0;
        string name = pack.ToString();
        if (!repository.Files.Exists(StoredKind.Pack, name))
            return false;
        packs[pack] = lengthBytes = repository.Files.LengthOf(StoredKind.Pack, name);
        return true;
    }

    private void NoteBad(BlobId pack, List<PackEntry> blobs, long behindBytes)
    {
        foreach (PackEntry blob in blobs)
        {
            if ((long)blob.OffsetBytes + blob.LengthBytes > behindBytes)
                _bad.Add((pack, blob.OffsetBytes));
        }
    }

    /// <summary>The packs to read, in the order of their names from where the last sample ended.</summary>
    private static List<KeyValuePair<BlobId, long>> Sample(Dictionary<BlobId, long> packs, RepositoryCheckOptions options)
    {
        List<KeyValuePair<string, KeyValuePair<BlobId, long>>> inOrder = packs
            .Select(p => new KeyValuePair<string, KeyValuePair<BlobId, long>>(p.Key.ToString(), p)).OrderBy(p => p.Key, StringComparer.Ordinal).ToList();
        if (options.SampleBytes is null && options.SamplePercent >= 100)
            return inOrder.Select(p => p.Value).ToList();
        long wantedBytes = options.SampleBytes ?? (long)Math.Ceiling(PackLengths.Total(packs.Values.Select(PackLengths.Readable)) * Math.Max(0, options.SamplePercent) / 100);
        int first = options.SampleAfter is { } after ? inOrder.FindIndex(p => string.CompareOrdinal(p.Key, after) > 0) : 0;
        var sample = new List<KeyValuePair<BlobId, long>>();
        for (int i = 0; i < inOrder.Count && wantedBytes > 0; i++)
        {
            KeyValuePair<BlobId, long> pack = inOrder[(Math.Max(0, first) + i) % inOrder.Count].Value;
            sample.Add(pack);
            wantedBytes -= PackLengths.Readable(pack.Value);
        }
        return sample;
    }

    private void CheckSnapshots(RepositoryFiles files, List<StoredFile> snapshots, BlobIndex index, CancellationToken cancellation)
    {
        var whole = new ConcurrentDictionary<BlobId, bool>();
        var rules = new TreeWalkRules(id => index.FirstNumber(id, BlobType.Data) >= 0, cancellation);
        var found = new List<RepositoryProblem>?[snapshots.Count];
        object slow = new();
        using var trees = new TreeReading(repository);
        ParallelWork.Run(snapshots, ParallelWork.CoreCount, trees.Open, (item, reader) =>
        {
            StoredFile file = snapshots[item];
            string place = "snapshots/" + file.Name;
            try
            {
                SnapshotRecord snapshot = SnapshotRecord.Read(files.LoadSealed(StoredKind.Snapshot, file.Name, repository.Sealers, cancellation));
                if (TreeWalk.IsWhole(trees, reader, index, snapshot.Tree, whole, rules))
                    return;
                // Here lists are made of all that a tree names: one at a time.
                lock (slow)
                {
                    foreach (TreeProblem problem in TreeWalk.Check(repository, index, snapshot.Tree, whole, cancellation))
                    {
                        Note(new RepositoryProblem(problem.ErrorId, place, $"Snapshot record {DisplayText.ShortId(file.Name)} ({string.Join(", ", snapshot.Paths)}): {problem.Message}"));
                        _missed.UnionWith(problem.Missed);
                    }
                }
            }
            catch (FormatException e)
            {
                Note(new RepositoryProblem(ErrorId.SnapshotCorrupt, place, e.Message));
            }
            catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
            {
                // Removed since it was listed.
            }
            catch (ImageBackupException e)
            {
                Note(new RepositoryProblem(e.Id, place, e.Message));
            }

            void Note(RepositoryProblem problem) => (found[item] ??= new()).Add(problem);
        }, cancellation);
        // In the order of the listing, whichever thread was first.
        foreach (List<RepositoryProblem>? problems in found)
            _problems.AddRange(problems ?? []);
    }

    private void ReadPacks(List<KeyValuePair<BlobId, long>> packs, EntriesByPack listed, Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        // Not what a file claims that is not read whole.
        long Counted(KeyValuePair<BlobId, long> pack) =>
            Math.Min(pack.Value, listed.LivePackOf(pack.Key) is >= 0 and var number ? listed.LengthBytes(number) : RepositoryFormat.PackLimitBytes);
        long totalBytes = packs.Sum(Counted), doneBytes = 0;
        var found = new List<RepositoryProblem>[packs.Count];
        ParallelWork.Run(packs, ParallelWork.CoreCount, () => new PackVerifier(repository), (item, verifier) =>
        {
            KeyValuePair<BlobId, long> pack = packs[item];
            List<RepositoryProblem> problems = found[item] = [];
            List<PackEntry>? indexed = listed.LivePackOf(pack.Key) is >= 0 and var number ? listed.BlobsOf(number) : null;
            try
            {
                List<string> damages = [.. verifier.Check(pack.Key, pack.Value, indexed, entry => NoteBad(pack.Key, entry), cancellation)];
                // What no index lists a killed upload may have left (a server may keep half of a file under its name): nobody needs it unless an
                // image misses something.
                if (indexed is not null || _missed.Count > 0)
                    problems.AddRange(damages.Select(damage => new RepositoryProblem(ErrorId.PackCorrupt, PackFile(pack.Key), damage)));
            }
            catch (ImageBackupException e)
            {
                problems.Add(new RepositoryProblem(e.Id, PackFile(pack.Key), e.Message));
                // What cannot be read reaches the same images as what is damaged.
                foreach (PackEntry entry in indexed ?? [])
                    NoteBad(pack.Key, entry);
            }
            progressBytes?.Invoke(Interlocked.Add(ref doneBytes, Counted(pack)), totalBytes);
        }, cancellation);
        // In the packs' order, whichever thread was first.
        foreach (List<RepositoryProblem> problems in found)
            _problems.AddRange(problems);
    }

    private void NoteBad(BlobId pack, PackEntry entry)
    {
        lock (_bad)
            _bad.Add((pack, entry.OffsetBytes));
    }

    private static string PackFile(BlobId id)
    {
        string name = id.ToString();
        return $"data/{name.Substring(0, 2)}/{name}";
    }

    /// <summary>Any thread: index files are read side by side.</summary>
    private void Report(ErrorId id, string file, string message)
    {
        lock (_problems)
            _problems.Add(new RepositoryProblem(id, file, message));
    }
}
