using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Removes what no snapshot record refers to (restic's prune). The order makes every point a safe one to be killed at: new packs;
/// new index files of all that stays; the old index files go, durably; then the packs that nothing lists any more. Until
/// the first old index file goes, everything is found as before; from then on, as afterwards.
/// </summary>
internal sealed class Pruner(ImageRepository repository)
{
    /// <summary>Below this, one thread copies all: each thread leaves a pack that is not full.</summary>
    private const long BytesPerCopier = 64L << 20;

    private readonly RepositoryFiles _files = repository.Files;

    /// <summary>Says what a removal would do. It writes nothing, not even a lock: it fails if somebody changes the repository meanwhile.</summary>
    /// <exception cref="ImageBackupException">As <see cref="Run"/>.</exception>
    public RepositoryOptimizeResult Plan(UnusedLimit limit, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        repository.ThrowIfLocked(isExclusive: false);
        State state = Prepare(limit, isPlan: true, progress, cancellation);
        repository.ThrowIfLocked(isExclusive: false);
        return Result(state, limit, isPlan: true, clock.Elapsed);
    }

    /// <exception cref="ImageBackupException">
    /// ChunkMissing, PackCorrupt, ChunkCorrupt: images need what is not there (they are named), and nothing was removed;
    /// SnapshotCorrupt, IndexCorrupt; RepositoryLocked, LockLost; a storage failure.
    /// </exception>
    public RepositoryOptimizeResult Run(UnusedLimit limit, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        repository.ThrowIfNotWritable();
        using RepositoryLock held = repository.Lock(isExclusive: true, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            State state = Prepare(limit, isPlan: false, progress, stop.Token);
            _files.RemoveAbandonedUploads();
            Execute(state, held, progress, stop.Token);
            return Result(state, limit, isPlan: false, clock.Elapsed);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held.ThrowIfLost();
            throw;
        }
    }

    /// <summary>What is known before anything changes.</summary>
    /// <param name="Reads">Of the packs that are repacked, what stays.</param>
    private sealed record State(IReadOnlyList<StoredFile> Snapshots, IReadOnlyList<string> IndexNames, Dictionary<BlobId, long> PackFiles, BlobIndex Index, PrunePlan Plan, PackReadPlan Reads)
    {
        public bool NeedsIndex => Plan.ChangesIndex || HasScatteredIndex;

        /// <summary>An index file a backup: beyond this many they are worth being joined.</summary>
        public bool HasScatteredIndex => IndexNames.Count > 16 + 2 * (Index.Count / RepositoryFormat.IndexBlobCount);
    }

    private State Prepare(UnusedLimit limit, bool isPlan, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        // Snapshot records before the index, packs after it: see design.rst, "Read and Write Ordering". Under our exclusive lock nobody changes
        // anything, and a server is asked for all three at once.
        ListsAhead? ahead = isPlan ? null : ListsAhead.Begin(_files, StoredKind.Snapshot, StoredKind.Index, StoredKind.Pack);
        List<StoredFile> snapshots = _files.List(StoredKind.Snapshot, ahead).ToList();
        (BlobIndex index, IReadOnlyList<string> indexNames) = IndexLoader.Load(_files, repository.Sealers, onError: null, cancellation, ahead);
        Task<List<StoredFile>> listing = _files.BeginList(StoredKind.Pack, ahead);
        using var marks = new UsedBlobSet(repository, index);
        marks.Mark(snapshots, progress is null ? null : (done, total) => progress(PrunePhase.Marking, done, total), cancellation);
        var packFiles = new Dictionary<BlobId, long>();
        foreach (StoredFile file in listing.GetAwaiter().GetResult())
        {
            if (BlobId.TryParse(file.Name, out BlobId id))
                packFiles[id] = file.LengthBytes;
        }
        if (marks.Lost.Count > 0)
        {
            ImageBackupException refusal = marks.Refusal(snapshots, new HashSet<(BlobId, BlobType)>(marks.Lost), ErrorId.ChunkMissing,
                $"{Things(marks.Lost.Count)} that images refer to cannot be found or read", cancellation);
            throw UnlistedPacks.Holds(repository, new HashSet<BlobId>(marks.Lost.Select(lost => lost.Item1)), cancellation)
                ? new ImageBackupException(refusal.Id, refusal.Message, refusal.Target, refusal) { RecommendedAction = UnlistedPacks.Advice + " Then run the command again." }
                : refusal;
        }

        using var reader = new BlobReader(_files, repository.Sealers);
        PrunePlan plan = PrunePlan.Make(index, packFiles, marks, limit, isPlan ? null : number => CanRead(reader, index, number), cancellation);
        if (plan.Lost.Count > 0)
        {
            throw marks.Refusal(snapshots, plan.Lost, ErrorId.PackCorrupt,
                $"{Things(plan.Lost.Count)} that images refer to lie in packs that are missing or damaged", cancellation);
        }
        var reads = new PackReadPlan(index);
        foreach (int number in plan.PacksTo(PruneAction.Repack).SelectMany(pack => plan.NumbersOf(pack)).Where(plan.IsKept))
            reads.Add(number, number);
        reads.Complete();
        return new State(snapshots, indexNames, packFiles, index, plan, reads);

        static string Things(int count) => count == 1 ? "1 chunk or tree" : $"{count} chunks or trees";
    }

    private static bool CanRead(BlobReader reader, BlobIndex index, int number)
    {
        (BlobId id, BlobLocation location, _) = index.EntryAt(number);
        try
        {
            reader.ReadSealed(id, location);
            return true;
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
        {
            return false;
        }
    }

    private void Execute(State state, RepositoryLock held, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        PrunePlan plan = state.Plan;
        List<BlobId> doomed = Enumerable.Range(0, plan.PackCount)
            .Where(pack => plan.ActionOf(pack) is PruneAction.Remove or PruneAction.Repack).Select(state.Index.PackAt).ToList();
        int total = plan.Unreferenced.Count + doomed.Count, done = 0;

        // No index lists these, so they may go first: on a full disk, that makes the room for the rest.
        RemovePacks([.. plan.Unreferenced.Keys]);
        if (!state.NeedsIndex)
            return;

        List<string> written = WriteIndex(state, held, progress, cancellation);
        Prove(state, written, cancellation);
        held.ThrowIfLost();
        ParallelWork.Run(state.IndexNames, _files.RemovalThreadCount, () => (IDisposable?)null, (item, _) => _files.Delete(StoredKind.Index, state.IndexNames[item]), cancellation);
        // A power cut must not bring an index back that lists packs which are gone.
        _files.SyncDeletions(StoredKind.Index);
        RemovePacks(doomed);

        void RemovePacks(List<BlobId> packs)
        {
            held.ThrowIfLost();
            ParallelWork.Run(packs, _files.RemovalThreadCount, () => (IDisposable?)null, (item, _) =>
            {
                _files.Delete(StoredKind.Pack, packs[item].ToString());
                progress?.Invoke(PrunePhase.Removing, Interlocked.Increment(ref done), total);
            }, cancellation);
        }
    }

    /// <summary>New packs, and index files of them and of all packs that stay; all durable. Returns the index files' names.</summary>
    private List<string> WriteIndex(State state, RepositoryLock held, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        var names = new List<string>();
        using var writer = new IndexWriter(_files, repository.Sealers, repository.FormatVersion) { BeforeSaving = held.Lost.ThrowIfCancellationRequested, OnSaved = names.Add };
        try
        {
            Repack(state, writer, progress, cancellation);
        }
        catch
        {
            TryFlush(writer);
            throw;
        }
        PrunePlan plan = state.Plan;
        for (int pack = 0; pack < plan.PackCount; pack++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (plan.ActionOf(pack) == PruneAction.Keep)
                writer.Add(new IndexedPack(state.Index.PackAt(pack), plan.NumbersOf(pack).Select(n => Entry(state.Index, n)).OrderBy(e => e.OffsetBytes).ToList()));
        }
        writer.Flush();
        return names;
    }

    /// <summary>Blobs copied before a failure are listed nevertheless, so that the next run goes on from there.</summary>
    private static void TryFlush(IndexWriter writer)
    {
        try
        {
            writer.Flush();
        }
        catch (ImageBackupException)
        {
            // The storage that failed the copying fails this too: the new packs stay unlisted, and the next run removes them.
        }
        catch (OperationCanceledException)
        {
            // The lock is lost.
        }
    }

    private static PackEntry Entry(BlobIndex index, int number)
    {
        (BlobId id, BlobLocation location, _) = index.EntryAt(number);
        return new PackEntry(id, location);
    }

    private void Repack(State state, IndexWriter writer, Action<PrunePhase, long, long>? progress, CancellationToken cancellation)
    {
        PackReadPlan reads = state.Reads;
        if (reads.Count == 0)
            return;
        long totalBytes = state.Plan.PacksTo(PruneAction.Repack).Sum(state.Plan.KeptBytesOf), doneBytes = 0;
        using var committer = new PackUploader(_files.Traits.Connections, writer.Add);
        int copierCount = (int)Math.Min(Environment.ProcessorCount, 1 + totalBytes / BytesPerCopier);
        using var ahead = new PackReadAhead(_files, reads, cancellation);
        // A copier for each thread at work, so that few packs end before they are full.
        ParallelWork.Run(Enumerable.Range(0, copierCount).ToList(), copierCount, () => new BlobCopier(repository, state.Index, reads, committer), (_, copier) =>
        {
            while (ahead.TryTake(out PackReadAhead.Part part))
            {
                try
                {
                    copier.Copy(part);
                }
                catch
                {
                    ahead.Stop();
                    throw;
                }
                finally
                {
                    PackReadAhead.Return(part);
                }
                long now = Interlocked.Add(ref doneBytes, reads.BlobBytes(part.Request));
                progress?.Invoke(PrunePhase.Copying, now, totalBytes);
            }
            copier.Flush();
        }, cancellation);
        committer.Finish();
    }

    /// <summary>Reads the new index files back before the old ones go: they must list every blob that is in use.</summary>
    private void Prove(State state, List<string> names, CancellationToken cancellation)
    {
        long usedCount = 0;
        // What was sent a moment ago is kept here: that proves nothing of the storage.
        using IDisposable? fresh = _files.PassCache(StoredKind.Index);
        ParallelWork.Run(names, Math.Min(_files.RemovalThreadCount, ParallelWork.CoreCount), () => (IDisposable?)null, (item, _) =>
            _files.UseSealed(StoredKind.Index, names[item], repository.Sealers, json => IndexFile.Read(json, pack =>
            {
                int number = state.Index.PackNumberOf(pack.PackId);
                // A pack that stays lists its unused blobs too; a new one has nothing but what is in use.
                Interlocked.Add(ref usedCount, number < 0 ? pack.Blobs.Count : state.Plan.NumbersOf(number).Count(state.Plan.IsKept));
            }), cancellation), cancellation);
        if (usedCount != state.Plan.UsedBlobCount)
        {
            throw new ImageBackupException(ErrorId.RepositoryWriteFailed,
                $"The new index files of '{_files.Location}' list {usedCount} of {state.Plan.UsedBlobCount} blobs in use: the storage does not keep written data. Nothing was removed.", _files.Location);
        }
    }

    /// <summary>New index files, each read back, and the old ones that go.</summary>
    private static long IndexRequests(State state) => state.NeedsIndex ? 2 * Pieces(state.Plan.UsedBlobCount, RepositoryFormat.IndexBlobCount) + state.IndexNames.Count : 0;

    private static long Pieces(long length, int pieceLength) => (length + pieceLength - 1) / pieceLength;

    private RepositoryOptimizeResult Result(State state, UnusedLimit limit, bool isPlan, TimeSpan duration)
    {
        PrunePlan plan = state.Plan;
        int[] repacked = [.. plan.PacksTo(PruneAction.Repack)];
        long repackedBytes = repacked.Sum(plan.KeptBytesOf);
        List<PackRequest> reads = [.. state.Reads.Requests(PackReadAhead.ShapeOf(_files))];
        int[] removed = [.. plan.PacksTo(PruneAction.Remove), .. repacked];
        return new RepositoryOptimizeResult
        {
            Repository = repository.Location,
            IsPlan = isPlan,
            SnapshotCount = state.Snapshots.Count,
            UsedBlobCount = plan.UsedBlobCount,
            UsedBytes = plan.UsedBytes,
            UnusedBlobCount = plan.UnusedBlobCount,
            UnusedBytes = plan.UnusedBytes,
            DuplicateBlobCount = plan.DuplicateBlobCount,
            DuplicateBytes = plan.DuplicateBytes,
            PackCount = state.PackFiles.Count,
            PackBytes = PackLengths.Total(state.PackFiles.Values),
            UnreferencedPackCount = plan.Unreferenced.Count,
            UnreferencedBytes = PackLengths.Total(plan.Unreferenced.Values),
            VanishedPackCount = plan.Count(PruneAction.Forget),
            RepackedPackCount = repacked.Length,
            RepackedBytes = repackedBytes,
            ReadBytes = reads.Sum(read => (long)read.LengthBytes),
            RequestCount = reads.Count + removed.Length + plan.Unreferenced.Count + IndexRequests(state) + Pieces(repackedBytes, _files.PackSizeBytes),
            RemovedPackCount = removed.Length + plan.Unreferenced.Count,
            RemovedBytes = PackLengths.Total(removed.Select(plan.FileBytesOf).Concat(plan.Unreferenced.Values)),
            RemainingUnusedBytes = plan.RemainingUnusedBytes,
            MaxUnused = limit,
            Duration = duration,
        };
    }
}
