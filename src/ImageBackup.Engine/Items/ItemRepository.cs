using System;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;

namespace ImageBackup.Engine.Items;

/// <summary>A repository whose images are looked into: its index, and if it was asked for a shared lock that keeps their chunks. Images that were made later are not in it.</summary>
internal sealed class ItemRepository : IDisposable
{
    private readonly RepositoryLock? _held;

    private ItemRepository(ImageRepository repository, BlobIndex index, RepositoryLock? held)
    {
        Repository = repository;
        Index = index;
        _held = held;
    }

    public ImageRepository Repository { get; }
    public BlobIndex Index { get; }

    /// <param name="repository">Stays the caller's.</param>
    /// <param name="cancellation">Ends the wait for the lock.</param>
    /// <exception cref="ImageBackupException">RepositoryLocked, a damage of the index, a storage failure.</exception>
    public static ItemRepository Open(ImageRepository repository, CancellationToken cancellation)
    {
        RepositoryLock? held = repository.LockForReading(cancellation);
        try
        {
            return new ItemRepository(repository, repository.LoadIndex(cancellation), held);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Without a lock: an image may be removed while it is read, and then reading fails.</summary>
    /// <param name="repository">Stays the caller's.</param>
    /// <param name="cancellation">Ends the reading of the index.</param>
    /// <exception cref="ImageBackupException">A damage of the index, a storage failure.</exception>
    public static ItemRepository OpenUnlocked(ImageRepository repository, CancellationToken cancellation) => new(repository, repository.LoadIndex(cancellation), held: null);

    public void Dispose() => _held?.Dispose();
}
