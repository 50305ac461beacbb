using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// A server's storage of which index files and snapshot records are kept on this machine: they are loaded once, kept as they are saved, and removed here
/// as they are there. Packs are kept only if their reader asks for it, who knows which hold trees. Any thread.
/// </summary>
/// <remarks>
/// It lies in this layer and not beside the other wrappers because it relies on what is in the files: a name is the hash of its content, by which all
/// that comes out of the cache is proven. Of the contract it keeps all but one thing: what somebody else has removed can be loaded until the kind is
/// listed again, as in restic. What it refers to is missing then, which is told.
/// </remarks>
/// <param name="inner">The server's.</param>
/// <param name="cache">What is kept.</param>
internal sealed class CachedStorage(IStorage inner, RepositoryCache cache) : IRetainingStorage
{
    private readonly int[] _passedCounts = new int[(int)StoredKind.Pack + 1];

    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    /// <summary>Until it is disposed all that is read of these kinds comes from the server: for who proves what lies there.</summary>
    public IDisposable Pass(params StoredKind[] kinds)
    {
        foreach (StoredKind kind in kinds)
            Interlocked.Increment(ref _passedCounts[(int)kind]);
        return new Passing(this, kinds);
    }

    private sealed class Passing(CachedStorage storage, StoredKind[] kinds) : IDisposable
    {
        public void Dispose()
        {
            foreach (StoredKind kind in kinds)
                Interlocked.Decrement(ref storage._passedCounts[(int)kind]);
        }
    }

    private bool IsPassed(StoredKind kind) => Volatile.Read(ref _passedCounts[(int)kind]) > 0;

    /// <summary>Whether each file of the kind is kept, without being asked for.</summary>
    private static bool KeepsAll(StoredKind kind) => kind is StoredKind.Index or StoredKind.Snapshot;

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        if (!KeepsAll(kind))
            return inner.Load(kind, name, limitBytes, cancellation);
        if (!IsPassed(kind) && cache.TryRead(kind, name, limitBytes) is { } kept)
            return kept;
        byte[] content = inner.Load(kind, name, limitBytes, cancellation);
        if (BlobId.Of(content).ToString() == name)
            cache.Add(kind, name, content);
        return content;
    }

    /// <summary>What the server does not have any more goes here too. Which packs stay the index says (<see cref="ForgetOtherPacks"/>).</summary>
    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        IEnumerable<StoredFile> files = inner.List(kind, cancellation);
        if (!KeepsAll(kind))
            return files;
        List<StoredFile> all = [.. files];
        cache.RemoveOthers(kind, all.Select(file => file.Name));
        return all;
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        inner.Save(kind, name, content, cancellation);
        if (KeepsAll(kind) && BlobId.Of(content).ToString() == name)
            cache.Add(kind, name, content.ToArray());
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        cache.Remove(kind, name);
        inner.Delete(kind, name, cancellation);
    }

    /// <summary>Reads a part of a pack that is kept, of which nothing is proven; false: it is not here, or is passed over.</summary>
    public bool TryReadPart(string pack, long offsetBytes, byte[] buffer, int countBytes) =>
        !IsPassed(StoredKind.Pack) && cache.TryReadPart(pack, offsetBytes, buffer, countBytes);

    /// <summary>Whether packs that are read are to be kept now.</summary>
    public bool KeepsPacks => !IsPassed(StoredKind.Pack);

    /// <summary>Keeps a pack whose content is its name's.</summary>
    public void KeepPack(string pack, byte[] content) => cache.Add(StoredKind.Pack, pack, content);

    /// <summary>Removes a pack here, whose copy is damaged.</summary>
    public void ForgetPack(string pack) => cache.Remove(StoredKind.Pack, pack);

    /// <summary>Removes the packs here that no index lists any more.</summary>
    public void ForgetOtherPacks(Func<string, bool> isListed) => cache.RemoveOthers(StoredKind.Pack, isListed);

    public void CreateLayout(CancellationToken cancellation) => inner.CreateLayout(cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => inner.Exists(kind, name, cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => inner.LengthOf(kind, name, cancellation);

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) =>
        inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => inner.BeginUpload(kind, cancellation);

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => inner.SyncDeletions(kind, cancellation);

    public int RemoveAbandonedUploads(CancellationToken cancellation) => inner.RemoveAbandonedUploads(cancellation);

    public TimeSpan? RetentionPeriod => (inner as IRetainingStorage)?.RetentionPeriod;

    public DateTimeOffset? RetainedUntil(StoredKind kind, string name, CancellationToken cancellation) =>
        (inner as IRetainingStorage)?.RetainedUntil(kind, name, cancellation);

    public void Retain(StoredKind kind, string name, CancellationToken cancellation) => (inner as IRetainingStorage)?.Retain(kind, name, cancellation);

    public void Dispose() => inner.Dispose();
}
