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

    public RepositoryRepairResult Run(Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using IDisposable? fresh = _files.PassCache(StoredKind.Pack, StoredKind.Index, StoredKind.Snapshot);
        if (!options.IsPlan)
            repository.ThrowIfNotWritable();
        // A plan writes nothing, not even a lock.
        if (options.IsPlan)
            repository.ThrowIfLocked(isExclusive: false);
        State? early = null;
        // Who reads all data does not do it for somebody who may have to give way; of a server the lists would have to be taken again.
        using RepositoryLock? held = options.IsPlan ? null : repository.Lock(isExclusive: true, cancellation, options.ReadData || _files.Traits.IsRemote ? null : () => early = Read(progressBytes, cancellation));
        using var stop = held is null
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellation)
            : CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            if (early is not null && !IsStill(early))
                early = null;
            return Run(held, early ?? Read(progressBytes, stop.Token), clock, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held?.ThrowIfLost();
            throw;
        }
    }

    /// <summary>What is there, sorted. Nothing is changed. If little of it is read, that is done while the lock settles.</summary>
    private sealed record State(IReadOnlyList<string> IndexNames, IReadOnlyList<StoredFile> Packs, IReadOnlyList<StoredFile> Snapshots, BlobIndex Index, int DamagedIndexCount,
        PackSalvage Sorted, IReadOnlyList<(UnreadableFile File, bool MayGo)> BadSnapshots);

    private State Read(Action<long, long>? progressBytes, CancellationToken cancellation)
    {
        List<string> indexNames = IndexNames();
        int damagedIndexCount = 0;
        BlobIndex index = IndexLoader.Load(_files, repository.Sealers, (_, _) => Interlocked.Increment(ref damagedIndexCount), cancellation).Index;
        List<StoredFile> packs = _files.List(StoredKind.Pack).ToList(), snapshots = _files.List(StoredKind.Snapshot).ToList();
        var sorted = new PackSalvage(repository);
        sorted.Run(index, packs, options, progressBytes, cancellation);
        return new State(indexNames, packs, snapshots, index, damagedIndexCount, sorted, BadSnapshots(snapshots, cancellation));
    }

    /// <summary>Whether all is as it was read: somebody whose lock was there for a moment may have added something, or removed it.</summary>
    private bool IsStill(State early) => IndexNames().SequenceEqual(early.IndexNames)
        && _files.List(StoredKind.Pack).SequenceEqual(early.Packs) && _files.List(StoredKind.Snapshot).SequenceEqual(early.Snapshots);

    private List<string> IndexNames() => _files.List(StoredKind.Index).Select(file => file.Name).ToList();

    private RepositoryRepairResult Run(RepositoryLock? held, State state, Stopwatch clock, CancellationToken cancellation)
    {
        PackSalvage sorted = state.Sorted;
        List<string> removedSnapshots = options.RemoveUnreadable ? state.BadSnapshots.Where(bad => bad.MayGo).Select(bad => bad.File.Name).ToList() : new();

        bool mustRewrite = state.DamagedIndexCount > 0 || sorted.MissingCount > 0 || sorted.Damaged.Count > 0 || sorted.IsRelisted;
        BlobIndex whole = WholeOf(state);
        long lostCount = CountLost(state, whole);
        long salvagedCount = sorted.SalvageableCount(whole);

        if (!options.IsPlan)
        {
            // What others of this machine left half written.
            _files.RemoveAbandonedUploads();
            if (mustRewrite || sorted.Adopted.Count > 0)
                Write(state, whole, mustRewrite, held!, cancellation);
            foreach (string name in removedSnapshots)
                _files.Delete(StoredKind.Snapshot, name);
            if (removedSnapshots.Count > 0)
                _files.SyncDeletions(StoredKind.Snapshot);
        }
        else
        {
            sorted.AddSalvageable(whole);
        }
        // Not ThrowIfLost: the work is done.
        return new RepositoryRepairResult
        {
            Repository = repository.Location,
            IsPlan = options.IsPlan,
            WasNeeded = mustRewrite || sorted.Adopted.Count > 0 || removedSnapshots.Count > 0,
            PackCount = sorted.PackCount,
            AdoptedPackCount = sorted.Adopted.Count,
            MissingPackCount = sorted.MissingCount,
            DamagedPackCount = sorted.Damaged.Count,
            UnreadablePackCount = sorted.Damaged.Count(d => d.IsUnreadable),
            SalvagedBlobCount = salvagedCount,
            LostBlobCount = lostCount,
            DamagedIndexCount = state.DamagedIndexCount,
            RemovedSnapshots = removedSnapshots,
            UnreadableFiles = [.. sorted.Unparsed, .. state.BadSnapshots.Where(bad => !removedSnapshots.Contains(bad.File.Name)).Select(bad => bad.File)],
            DamagedImages = new AffectedImages(repository, whole, _ => false).Find(cancellation),
            Duration = clock.Elapsed,
        };
    }

    /// <summary>
    /// The blobs that are whole, each from its first whole place. Of a repository that lacks nothing that is the index itself: a second one
    /// would take as much memory again.
    /// </summary>
    private static BlobIndex WholeOf(State state)
    {
        (PackSalvage sorted, BlobIndex index) = (state.Sorted, state.Index);
        bool isIndex = sorted.IsAsListed && Enumerable.Range(0, index.PackCount).All(pack => !index.IsDead(pack));
        BlobIndex whole = isIndex ? index : new BlobIndex();
        foreach (IndexedPack pack in isIndex ? sorted.Adopted : sorted.Kept)
            AddTo(whole, pack);
        return whole;
    }

    private void Write(State state, BlobIndex whole, bool mustRewrite, RepositoryLock held, CancellationToken cancellation)
    {
        using (var session = new RepositoryWriter(_files, repository.Sealers, whole, repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = session.OpenLane())
            {
                foreach ((BlobType type, BlobId id, byte[] content) in state.Sorted.Salvage(cancellation))
                    lane.Save(type, id, content);
                lane.Flush();
            }
            session.Adopt(mustRewrite ? state.Sorted.Kept : state.Sorted.Adopted);
            session.Finish();
        }
        if (!mustRewrite)
            return;
        held.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        foreach (string name in state.IndexNames)
            _files.Delete(StoredKind.Index, name);
        // A pack goes only once no index that comes back after a power cut can list it.
        _files.SyncDeletions(StoredKind.Index);
        List<DamagedPack> removed = state.Sorted.Damaged.Where(d => !d.IsUnreadable).ToList();
        foreach (DamagedPack pack in removed)
            _files.Delete(StoredKind.Pack, pack.Id.ToString());
        // Back after a power cut, they would make a check complain of what was reported repaired.
        if (removed.Count > 0)
            _files.SyncDeletions(StoredKind.Pack);
    }

    /// <summary>Blobs that an index listed and of which no whole copy is left.</summary>
    private static long CountLost(State state, BlobIndex whole)
    {
        BlobIndex before = state.Index;
        if (before == whole)
            return 0;
        var lost = new HashSet<(BlobId, BlobType)>();
        foreach ((BlobId id, BlobLocation location) in before.Entries())
        {
            if (!whole.Contains(id, location.Type) && !state.Sorted.CanSalvage(id, location.Type))
                lost.Add((id, location.Type));
        }
        return lost.Count;
    }

    /// <summary>
    /// Snapshot records that are damaged, and those that are whole and say something that this version does not understand. What
    /// a snapshot record that cannot be read refers to is not known: it stays until the user says that it is to go. One that the disk
    /// or the system does not let us read stays in any case.
    /// </summary>
    private List<(UnreadableFile File, bool MayGo)> BadSnapshots(List<StoredFile> files, CancellationToken cancellation)
    {
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
