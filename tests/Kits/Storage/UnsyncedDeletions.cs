using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>
/// A disk that is slow to make deletions durable: until they are synced, a power cut brings some of the files back.
/// Disposing leaves the inner storage open.
/// </summary>
internal sealed class UnsyncedDeletions(MemoryStorage inner) : IStorage
{
    private readonly Dictionary<(StoredKind Kind, string Name), byte[]> _deleted = [];

    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    /// <summary>Brings back each file whose deletion was not synced, if the coin says so. Locks come back like all else.</summary>
    public int CutPower(Func<bool> coin)
    {
        int count = 0;
        lock (_deleted)
        {
            foreach (((StoredKind kind, string name), byte[] content) in _deleted.OrderBy(d => d.Key.Name, StringComparer.Ordinal))
            {
                if (!coin())
                    continue;
                inner.Save(kind, name, content, CancellationToken.None);
                count++;
            }
            _deleted.Clear();
        }
        return count;
    }

    public void CreateLayout(CancellationToken cancellation) => inner.CreateLayout(cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => inner.Exists(kind, name, cancellation);

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => inner.List(kind, cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => inner.LengthOf(kind, name, cancellation);

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) => inner.Load(kind, name, limitBytes, cancellation);

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) => inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => inner.Save(kind, name, content, cancellation);

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => inner.BeginUpload(kind, cancellation);

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        lock (_deleted)
        {
            if (inner.Exists(kind, name, cancellation))
                _deleted[(kind, name)] = inner.Content(kind, name);
            inner.Delete(kind, name, cancellation);
        }
    }

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
        lock (_deleted)
        {
            foreach ((StoredKind Kind, string Name) gone in _deleted.Keys.Where(d => d.Kind == kind).ToList())
                _deleted.Remove(gone);
        }
    }

    public int RemoveAbandonedUploads(CancellationToken cancellation) => inner.RemoveAbandonedUploads(cancellation);

    public void Dispose()
    {
    }
}
