using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Makes a damaged repository one again that tells the truth: index files that list what is there, packs that are whole.
/// The whole blobs of a torn or corrupt pack are saved into new ones; lost blobs are listed nowhere, so that the next backup
/// stores it again. Alone in the repository (exclusive lock).
/// </summary>
/// <remarks>
/// Safe at every point: new packs, then new index files, then the old index files go, then damaged packs. Until its
/// replacement is durable nothing is removed, and running it again goes on.
/// </remarks>
internal sealed class RepositoryRepair(ImageRepository repository, RepositoryRepairOptions options)
{
    private readonly RepositoryFiles _files = repository.Files;
    private readonly PackSalvage _triage = new(repository);

    public RepositoryRepairResult Run(Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using IDisposable? fresh = _files.PassCache(StoredKind.Pack, StoredKind.Index, StoredKind.Snapshot);
        if (!options.IsPlan)
            repository.ThrowIfNotWritable();
        // A plan writes nothing, not even a lock.
        if (options.IsPlan)
            repository.ThrowIfLocked(isExclusive: false);
        using RepositoryLock? held = options.IsPlan ? null : repository.Lock(isExclusive: true, cancellation);
        using var stop = held is null
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellation)
            : CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            return Run(held, clock, progressBytes, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held?.ThrowIfLost();
            throw;
        }
    }

    private RepositoryRepairResult Run(RepositoryLock? held, Stopwatch clock, Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        List<string> oldIndexes = _files.List(StoredKind.Index).Select(f => f.Name).ToList();
        int damagedIndexCount = 0;
        BlobIndex index = IndexLoader.Load(_files, repository.Sealers, (_, _) => damagedIndexCount++, cancellation).Index;
        _triage.Run(index, options, progressBytes, cancellation);
        List<(UnreadableFile File, bool MayGo)> badSnapshots = BadSnapshots(cancellation);
        List<string> removedSnapshots = options.RemoveUnreadable ? badSnapshots.Where(bad => bad.MayGo).Select(bad => bad.File.Name).ToList() : new();

        bool mustRewrite = damagedIndexCount > 0 || _triage.MissingCount > 0 || _triage.Damaged.Count > 0 || _triage.IsRelisted;
        BlobIndex whole = WholeOf(index);
        long lostCount = CountLost(index, whole);
        long salvagedCount = _triage.SalvageableCount(whole);

        if (!options.IsPlan)
        {
            // What others of this machine left half written.
            _files.RemoveAbandonedUploads();
            if (mustRewrite || _triage.Adopted.Count > 0)
                Write(whole, mustRewrite, held!, oldIndexes, cancellation);
            foreach (string name in removedSnapshots)
                _files.Delete(StoredKind.Snapshot, name);
            if (removedSnapshots.Count > 0)
                _files.SyncDeletions(StoredKind.Snapshot);
        }
        else
        {
            _triage.AddSalvageable(whole);
        }
        // Not ThrowIfLost: the work is done.
        return new RepositoryRepairResult
        {
            Repository = repository.Location,
            IsPlan = options.IsPlan,
            WasNeeded = mustRewrite || _triage.Adopted.Count > 0 || removedSnapshots.Count > 0,
            PackCount = _triage.PackCount,
            AdoptedPackCount = _triage.Adopted.Count,
            MissingPackCount = _triage.MissingCount,
            DamagedPackCount = _triage.Damaged.Count,
            UnreadablePackCount = _triage.Damaged.Count(d => d.IsUnreadable),
            SalvagedBlobCount = salvagedCount,
            LostBlobCount = lostCount,
            DamagedIndexCount = damagedIndexCount,
            RemovedSnapshots = removedSnapshots,
            UnreadableFiles = [.. _triage.Unparsed, .. badSnapshots.Where(bad => !removedSnapshots.Contains(bad.File.Name)).Select(bad => bad.File)],
            DamagedImages = new AffectedImages(repository, whole, _ => false).Find(cancellation),
            Duration = clock.Elapsed,
        };
    }

    /// <summary>
    /// The blobs that are whole, each from its first whole place. Of a repository that lacks nothing that is the index itself: a second one
    /// would take as much memory again.
    /// </summary>
    private BlobIndex WholeOf(BlobIndex index)
    {
        bool isIndex = _triage.IsAsListed && Enumerable.Range(0, index.PackCount).All(pack => !index.IsDead(pack));
        BlobIndex whole = isIndex ? index : new BlobIndex();
        foreach (IndexedPack pack in isIndex ? _triage.Adopted : _triage.Kept)
            AddTo(whole, pack);
        return whole;
    }

    private void Write(BlobIndex whole, bool mustRewrite, RepositoryLock held, List<string> oldIndexes, CancellationToken cancellation)
    {
        using (var session = new RepositoryWriter(_files, repository.Sealers, whole, repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = session.OpenLane())
            {
                foreach ((BlobType type, BlobId id, byte[] content) in _triage.Salvage(cancellation))
                    lane.Save(type, id, content);
                lane.Flush();
            }
            session.Adopt(mustRewrite ? _triage.Kept : _triage.Adopted);
            session.Finish();
        }
        if (!mustRewrite)
            return;
        held.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        foreach (string name in oldIndexes)
            _files.Delete(StoredKind.Index, name);
        // A pack goes only once no index that comes back after a power cut can list it.
        _files.SyncDeletions(StoredKind.Index);
        List<DamagedPack> removed = _triage.Damaged.Where(d => !d.IsUnreadable).ToList();
        foreach (DamagedPack pack in removed)
            _files.Delete(StoredKind.Pack, pack.Id.ToString());
        // Back after a power cut, they would make a check complain of what was reported repaired.
        if (removed.Count > 0)
            _files.SyncDeletions(StoredKind.Pack);
    }

    /// <summary>Blobs that an index listed and of which no whole copy is left.</summary>
    private long CountLost(BlobIndex before, BlobIndex whole)
    {
        if (before == whole)
            return 0;
        var lost = new HashSet<(BlobId, BlobType)>();
        foreach ((BlobId id, BlobLocation location) in before.Entries())
        {
            if (!whole.Contains(id, location.Type) && !_triage.CanSalvage(id, location.Type))
                lost.Add((id, location.Type));
        }
        return lost.Count;
    }

    /// <summary>
    /// Snapshot records that are damaged, and those that are whole and say something that this version does not understand. What
    /// a snapshot record that cannot be read refers to is not known: it stays until the user says that it is to go. One that the disk
    /// or the system does not let us read stays in any case.
    /// </summary>
    private List<(UnreadableFile File, bool MayGo)> BadSnapshots(CancellationToken cancellation)
    {
        List<StoredFile> files = _files.List(StoredKind.Snapshot).ToList();
        var bad = new (UnreadableFile File, bool MayGo)?[files.Count];
        ParallelWork.Run(files, ParallelWork.SmallReadCount, () => (IDisposable?)null, (item, _) => bad[item] = FaultOf(files[item].Name, cancellation), cancellation);
        return bad.OfType<(UnreadableFile File, bool MayGo)>().ToList();
    }

    private (UnreadableFile File, bool MayGo)? FaultOf(string snapshot, CancellationToken cancellation)
    {
        try
        {
            SnapshotRecord.Read(_files.LoadSealed(StoredKind.Snapshot, snapshot, repository.Sealers, cancellation));
            return null;
        }
        catch (FormatException e)
        {
            return (new("snapshot", snapshot, e.Message), MayGo: true);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.SnapshotCorrupt && e.InnerException is not StorageException { Problem: StorageProblem.NotFound })
        {
            return (new("snapshot", snapshot, e.Message), MayGo: true);
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.RepositoryReadFailed or ErrorId.RepositoryAccessDenied && repository.IsReachable())
        {
            return (new("snapshot", snapshot, e.Message), MayGo: false);
        }
    }

    internal static void AddTo(BlobIndex index, IndexedPack pack)
    {
        foreach (PackEntry blob in pack.Blobs)
            index.Add(blob.Id, blob.In(pack.PackId));
    }
}
