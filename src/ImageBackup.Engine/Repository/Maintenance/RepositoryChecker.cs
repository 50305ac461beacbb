using System;
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
using ImageBackup.Engine.Repository.Reading;
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
        using RepositoryLock? held = repository.LockForReading(cancellation);
        CheckKeys();
        // Snapshot records are listed before the index is loaded: see design.rst, "Read and Write Ordering".
        List<StoredFile> snapshots = files.List(StoredKind.Snapshot).ToList();
        (BlobIndex index, IReadOnlyList<string> indexNames) = IndexLoader.Load(files, repository.Sealers,
            (name, e) => Report(e.Id, "index/" + name, e.Message), cancellation);
        Dictionary<BlobId, long> packs = ListPacks(files);

        Dictionary<BlobId, List<(BlobId Id, BlobLocation Location)>> blobsOfPack = CheckPacks(index, packs);
        CheckSnapshots(files, snapshots, index, cancellation);
        bool isIndexLost = _missed.Count > 0 && UnlistedPacks.Held(repository, index, _missed, cancellation).Count > 0;
        List<KeyValuePair<BlobId, long>> sample = options.ReadData ? Sample(packs, options) : new();
        ReadPacks(sample, blobsOfPack, progressBytes, cancellation);
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
            UnreferencedPackCount = packs.Keys.Count(pack => !blobsOfPack.ContainsKey(pack)),
            Problems = _problems,
            IsIndexLost = isIndexLost,
            Duration = clock.Elapsed,
        };
    }

    /// <summary>Every key's structure; whether another password opens it is not known.</summary>
    private void CheckKeys()
    {
        IReadOnlyList<RepositoryKeyInfo> keys = repository.Keys();
        foreach (RepositoryKeyInfo key in keys)
        {
            if (key.Problem is { } problem)
                Report(ErrorId.KeyCorrupt, "keys/" + key.Id, problem);
        }
        if (keys.All(key => !key.IsCurrent))
            Report(ErrorId.KeyCorrupt, "keys/" + repository.KeyName, "The key that opened the repository is gone.");
    }

    private static Dictionary<BlobId, long> ListPacks(RepositoryFiles files)
    {
        var packs = new Dictionary<BlobId, long>();
        foreach (StoredFile file in files.List(StoredKind.Pack))
        {
            if (BlobId.TryParse(file.Name, out BlobId id))
                packs[id] = file.LengthBytes;
        }
        return packs;
    }

    private Dictionary<BlobId, List<(BlobId, BlobLocation)>> CheckPacks(BlobIndex index, Dictionary<BlobId, long> packs)
    {
        var blobsOfPack = new Dictionary<BlobId, List<(BlobId Id, BlobLocation Location)>>();
        foreach ((BlobId id, BlobLocation location) in index.Entries())
        {
            if (!blobsOfPack.TryGetValue(location.PackId, out List<(BlobId, BlobLocation)>? blobs))
                blobsOfPack.Add(location.PackId, blobs = new());
            blobs.Add((id, location));
        }
        foreach (KeyValuePair<BlobId, List<(BlobId Id, BlobLocation Location)>> pack in blobsOfPack)
        {
            if (!packs.TryGetValue(pack.Key, out long lengthBytes))
            {
                Report(ErrorId.PackCorrupt, PackFile(pack.Key), $"The pack is missing; the index says it holds {pack.Value.Count} blobs.");
                NoteBad(pack.Key, pack.Value, behindBytes: 0);
                continue;
            }
            long expected = PackVerifier.LengthOf(pack.Value);
            if (expected != lengthBytes)
            {
                Report(ErrorId.PackCorrupt, PackFile(pack.Key), $"The pack is {lengthBytes} bytes long instead of {expected}.");
                NoteBad(pack.Key, pack.Value, lengthBytes);
            }
        }
        return blobsOfPack;
    }

    private void NoteBad(BlobId pack, List<(BlobId Id, BlobLocation Location)> blobs, long behindBytes)
    {
        foreach ((_, BlobLocation location) in blobs)
        {
            if ((long)location.OffsetBytes + location.LengthBytes > behindBytes)
                _bad.Add((pack, location.OffsetBytes));
        }
    }

    /// <summary>The packs to read, in the order of their names from where the last sample ended.</summary>
    private static List<KeyValuePair<BlobId, long>> Sample(Dictionary<BlobId, long> packs, RepositoryCheckOptions options)
    {
        List<KeyValuePair<string, KeyValuePair<BlobId, long>>> inOrder = packs
            .Select(p => new KeyValuePair<string, KeyValuePair<BlobId, long>>(p.Key.ToString(), p)).OrderBy(p => p.Key, StringComparer.Ordinal).ToList();
        if (options.SamplePercent >= 100)
            return inOrder.Select(p => p.Value).ToList();
        long wantedBytes = (long)Math.Ceiling(PackLengths.Total(packs.Values.Select(PackLengths.Readable)) * Math.Max(0, options.SamplePercent) / 100);
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
        var seenTrees = new HashSet<BlobId>();
        foreach (StoredFile file in snapshots)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                SnapshotRecord snapshot = SnapshotRecord.Read(files.LoadSealed(StoredKind.Snapshot, file.Name, repository.Sealers, cancellation));
                foreach (TreeProblem problem in TreeWalk.Check(repository, index, snapshot.Tree, seenTrees, cancellation))
                {
                    Report(problem.ErrorId, "snapshots/" + file.Name, $"Snapshot record {DisplayText.ShortId(file.Name)} ({string.Join(", ", snapshot.Paths)}): {problem.Message}");
                    _missed.UnionWith(problem.Missed);
                }
            }
            catch (FormatException e)
            {
                Report(ErrorId.SnapshotCorrupt, "snapshots/" + file.Name, e.Message);
            }
            catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
            {
                // Removed since it was listed.
            }
            catch (ImageBackupException e)
            {
                Report(e.Id, "snapshots/" + file.Name, e.Message);
            }
        }
    }

    private void ReadPacks(List<KeyValuePair<BlobId, long>> packs, Dictionary<BlobId, List<(BlobId Id, BlobLocation Location)>> blobsOfPack,
        Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        // Not what a file claims that is not read whole.
        long Counted(KeyValuePair<BlobId, long> pack) =>
            Math.Min(pack.Value, blobsOfPack.TryGetValue(pack.Key, out List<(BlobId, BlobLocation)>? listed) ? PackVerifier.LengthOf(listed) : RepositoryFormat.PackLimitBytes);
        long totalBytes = packs.Sum(Counted), doneBytes = 0;
        // Two at a time: each holds a pack's blob and its content.
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = cancellation };
        Parallel.ForEach(packs, options, () => new BlobReader(repository.Files, repository.Sealers), (pack, _, reader) =>
        {
            try
            {
                List<(BlobId, BlobLocation)>? indexed = blobsOfPack.TryGetValue(pack.Key, out List<(BlobId, BlobLocation)>? found) ? found : null;
                var verifier = new PackVerifier(repository, reader);
                foreach (string problem in verifier.Check(pack.Key, pack.Value, indexed, entry => NoteBad(pack.Key, entry), cancellation))
                    Report(ErrorId.PackCorrupt, PackFile(pack.Key), problem);
            }
            catch (ImageBackupException e)
            {
                Report(e.Id, PackFile(pack.Key), e.Message);
            }
            progressBytes?.Invoke(Interlocked.Add(ref doneBytes, Counted(pack)), totalBytes);
            return reader;
        }, reader => reader.Dispose());
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

    private void Report(ErrorId id, string file, string message)
    {
        lock (_problems)
            _problems.Add(new RepositoryProblem(id, file, message));
    }
}
