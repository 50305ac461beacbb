using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// A storage that is opened for reading: whatever would change something there is refused before it is asked, as a StorageException (ReadOnly). Reads
/// pass. It is not an <see cref="IRetainingStorage"/>: to keep a file for longer is a change too.
/// </summary>
/// <param name="inner">What is read.</param>
/// <param name="reason">Why nothing may be changed: a sentence for people.</param>
internal sealed class ReadOnlyStorage(IStorage inner, string reason) : IStorage
{
    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => inner.Exists(kind, name, cancellation);

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => inner.List(kind, cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => inner.LengthOf(kind, name, cancellation);

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) => inner.Load(kind, name, limitBytes, cancellation);

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) =>
        inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);

    public void CreateLayout(CancellationToken cancellation) => throw Refusal();

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => throw Refusal();

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => throw Refusal();

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => throw Refusal();

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => throw Refusal();

    public int RemoveAbandonedUploads(CancellationToken cancellation) => throw Refusal();

    public void Dispose() => inner.Dispose();

    private StorageException Refusal() => new(StorageProblem.ReadOnly, Location.DisplayName, reason);
}
