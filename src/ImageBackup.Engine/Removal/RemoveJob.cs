using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Removal;

/// <summary>
/// Removes images. Taking a snapshot record's file away is the commit point: before it the image is whole, after it there is none.
/// Blobs that only it referred to stay until the repository is optimized.
/// </summary>
/// <param name="repository">Where the images are.</param>
/// <param name="listed">By what the images were listed already: what it has read is not read again; null: nothing was.</param>
internal sealed class RemoveJob(ImageRepository repository, ImageCatalog? listed = null)
{
    /// <summary>Removes images as the only user of the repository, as restic's forget does.</summary>
    /// <param name="ids">Whole ids. An image that is gone already is not an error.</param>
    /// <param name="expiredBy">If given: only those go that it finds expired now, with nobody else at work.</param>
    /// <param name="onWarning">Told of snapshot records that cannot be read: they count for nothing and stay.</param>
    /// <param name="cancellation">Between two images.</param>
    /// <returns>The ids removed.</returns>
    /// <exception cref="ImageBackupException">RepositoryLocked, LockLost, RepositoryVersionUnsupported, a storage failure.</exception>
    public IReadOnlyList<string> Remove(IReadOnlyCollection<string> ids, ImageRetention? expiredBy, Action<Exception>? onWarning, CancellationToken cancellation)
    {
        if (ids is null)
            throw new ArgumentNullException(nameof(ids));
        repository.ThrowIfNotWritable();
        using RepositoryLock held = repository.Lock(isExclusive: true, cancellation);
        ImageCatalog catalog = listed ?? new ImageCatalog(repository);
        IEnumerable<string> doomed = ids;
        if (expiredBy is not null)
        {
            var asked = new HashSet<string>(ids, StringComparer.Ordinal);
            doomed = catalog.List(new ImageFilter { IncludeInactive = true, Retention = expiredBy }, onWarning, cancellation)
                .Where(image => image.IsExpired && asked.Contains(image.Id)).Select(image => image.Id).ToList();
        }
        var removed = new List<string>();
        try
        {
            foreach (string id in doomed)
            {
                cancellation.ThrowIfCancellationRequested();
                held.ThrowIfLost();
                if (!repository.Files.Exists(StoredKind.Snapshot, id))
                    continue;
                repository.Files.Delete(StoredKind.Snapshot, id);
                removed.Add(id);
            }
        }
        finally
        {
            if (removed.Count > 0)
                repository.Files.SyncDeletions(StoredKind.Snapshot);
        }
        if (removed.Count > 0)
            RemoveVoidStatements(catalog, cancellation);
        return removed;
    }

    /// <summary>Puts on record that a volume is gone from its machine; a later image of it voids that.</summary>
    /// <exception cref="ImageBackupException">RepositoryLocked, LockLost, RepositoryVersionUnsupported, a storage failure.</exception>
    public void State(VolumeRemoval removal, CancellationToken cancellation)
    {
        if (removal is null)
            throw new ArgumentNullException(nameof(removal));
        repository.ThrowIfNotWritable();
        using RepositoryLock held = repository.Lock(isExclusive: false, cancellation);
        BlobIndex index = repository.LoadIndex(cancellation);
        BlobId tree;
        using (var session = new RepositoryWriter(repository.Files, repository.Sealers, index, repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = session.OpenLane())
            {
                tree = ImageFiles.SaveTree(lane, []);
                lane.Flush();
            }
            session.Finish();
        }
        held.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        repository.Files.SaveSealed(StoredKind.Snapshot, RemovalRecord.Make(removal, tree).Write(), repository.FormatVersion, repository.Sealers);
    }

    /// <summary>A statement is done when no image of its volume remains.</summary>
    private void RemoveVoidStatements(ImageCatalog catalog, CancellationToken cancellation)
    {
        bool isComplete = true;
        (IReadOnlyList<ImageBackupInfo> images, IReadOnlyList<(string Id, VolumeRemoval Removal)> statements) = catalog.LoadAll(_ => isComplete = false, cancellation);
        if (!isComplete)
            return;
        // By id; old statements have the name.
        var present = new HashSet<(string, string)>(images.SelectMany(i => new[] { (i.ComputerName.ToUpperInvariant(), i.Volume), (i.ComputerName.ToUpperInvariant(), i.VolumeId) }));
        foreach ((string id, VolumeRemoval removal) in statements)
        {
            if (!present.Contains((removal.ComputerName.ToUpperInvariant(), removal.Volume)))
                repository.Files.Delete(StoredKind.Snapshot, id);
        }
    }
}
