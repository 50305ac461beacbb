using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;

namespace ImageBackup.Engine.Items;

/// <summary>
/// A repository whose images are looked into: its index, and if it was asked for a shared lock that keeps their chunks. Images that were made
/// later are in it after <see cref="Include"/>. One thread at a time.
/// </summary>
internal sealed class ItemRepository : IDisposable
{
    private readonly RepositoryLock? _held;
    private readonly HashSet<string> _indexedIds = new(StringComparer.Ordinal);

    private ItemRepository(ImageRepository repository, BlobIndex index, RepositoryLock? held)
    {
        Repository = repository;
        Index = index;
        _held = held;
    }

    public ImageRepository Repository { get; }
    public BlobIndex Index { get; private set; }

    /// <param name="repository">Stays the caller's.</param>
    /// <param name="knownIds">Whole ids of images that are there already.</param>
    /// <param name="cancellation">Ends the wait for the lock.</param>
    /// <exception cref="ImageBackupException">RepositoryLocked, a damage of the index, a storage failure.</exception>
    public static ItemRepository Open(ImageRepository repository, IEnumerable<string> knownIds, CancellationToken cancellation)
    {
        RepositoryLock? held = repository.LockForReading(cancellation);
        try
        {
            var opened = new ItemRepository(repository, repository.LoadIndex(cancellation), held);
            opened._indexedIds.UnionWith(knownIds);
            return opened;
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Reads the index again if it may be older than an image. What was opened by the old one stays good.</summary>
    /// <param name="imageId">The whole id of an image that is there.</param>
    /// <param name="cancellation">Ends the reading of the index.</param>
    /// <exception cref="ImageBackupException">A damage of the index, a storage failure.</exception>
    public void Include(string imageId, CancellationToken cancellation)
    {
        if (_indexedIds.Contains(imageId))
            return;
        // A snapshot record is there after its index: all that are listed now are in the index that is read now.
        HashSet<string> ids = ImageCatalog.ListIds(Repository);
        Index = Repository.LoadIndex(cancellation);
        _indexedIds.UnionWith(ids);
        _indexedIds.Add(imageId);
    }

    /// <summary>Without a lock: an image may be removed while it is read, and then reading fails.</summary>
    /// <param name="repository">Stays the caller's.</param>
    /// <param name="cancellation">Ends the reading of the index.</param>
    /// <exception cref="ImageBackupException">A damage of the index, a storage failure.</exception>
    public static ItemRepository OpenUnlocked(ImageRepository repository, CancellationToken cancellation) => new(repository, repository.LoadIndex(cancellation), held: null);

    public void Dispose() => _held?.Dispose();
}
