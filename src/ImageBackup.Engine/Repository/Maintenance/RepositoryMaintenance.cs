using System;
using System.Threading;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>What is done to a whole repository: check, repair, optimize.</summary>
internal static class RepositoryMaintenance
{
    /// <summary>Checks the structure; with <paramref name="readData"/> every byte of every pack.</summary>
    public static RepositoryCheckResult Check(this ImageRepository repository, bool readData, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        repository.Check(new RepositoryCheckOptions { ReadData = readData }, progressBytes, cancellation);

    /// <summary>As <see cref="Check(ImageRepository, bool, Action{long, long}, CancellationToken)"/>; may read a share of the packs only.</summary>
    public static RepositoryCheckResult Check(this ImageRepository repository, RepositoryCheckOptions options, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        new RepositoryChecker(repository).Run(options ?? throw new ArgumentNullException(nameof(options)), progressBytes, cancellation);

    /// <summary>Makes a damaged repository usable again; see <see cref="RepositoryRepair"/>.</summary>
    public static RepositoryRepairResult Repair(this ImageRepository repository, RepositoryRepairOptions options, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        new RepositoryRepair(repository, options ?? throw new ArgumentNullException(nameof(options))).Run(progressBytes, cancellation);

    /// <summary>
    /// Removes what no snapshot record refers to, and writes packs again that waste more than the limit. Only the exclusive holder
    /// of the repository may. With <paramref name="isPlan"/> nothing is changed, and the result says what would be.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// ChunkMissing, PackCorrupt, ChunkCorrupt: images need what is not there (they are named), and nothing was removed;
    /// SnapshotCorrupt, IndexCorrupt, RepositoryLocked, LockLost, RepositoryVersionUnsupported; a storage failure.
    /// </exception>
    public static RepositoryOptimizeResult Optimize(this ImageRepository repository, UnusedLimit maxUnused, bool isPlan, Action<PrunePhase, long, long>? progress, CancellationToken cancellation) =>
        isPlan ? new Pruner(repository).Plan(maxUnused, progress, cancellation) : new Pruner(repository).Run(maxUnused, progress, cancellation);
}
