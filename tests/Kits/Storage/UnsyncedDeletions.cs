using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>
/// A disk that is slow to make deletions durable: until they are synced, a power cut brings some of the files back.
/// Disposing leaves the inner storage open.
/// </summary>
internal sealed class UnsyncedDeletions(MemoryStorage inner) : IStorage
{
    private readonly Dictionary<(StoredKind Kind, string Name), byte[]> _deleted = [];

    public string Location => inner.Location;

    /// <summary>Brings back each file whose deletion was not synced, where the coin says so. Locks come back like all else.</summary>
    public int CutPower(Func<bool> coin)
    {
        int count = 0;
        lock (_deleted)
        {
            foreach (((StoredKind kind, string name), byte[] content) in _deleted.OrderBy(d => d.Key.Name, StringComparer.Ordinal))
            {
                if (!coin())
                    continue;
                inner.Save(kind, name, content);
                count++;
            }
            _deleted.Clear();
        }
        return count;
    }

    public void CreateLayout() => inner.CreateLayout();

    public bool Exists(StoredKind kind, string name) => inner.Exists(kind, name);

    public IEnumerable<StoredFile> List(StoredKind kind) => inner.List(kind);

    public long LengthOf(StoredKind kind, string name) => inner.LengthOf(kind, name);

    public byte[] Load(StoredKind kind, string name, int limitBytes) => inner.Load(kind, name, limitBytes);

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes) => inner.ReadAt(kind, name, offsetBytes, buffer, countBytes);

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content) => inner.Save(kind, name, content);

    public IStorageUpload BeginUpload(StoredKind kind) => inner.BeginUpload(kind);

    public void Delete(StoredKind kind, string name)
    {
        lock (_deleted)
        {
            if (inner.Exists(kind, name))
                _deleted[(kind, name)] = inner.Content(kind, name);
            inner.Delete(kind, name);
        }
    }

    public void SyncDeletions(StoredKind kind)
    {
        lock (_deleted)
        {
            foreach ((StoredKind Kind, string Name) gone in _deleted.Keys.Where(d => d.Kind == kind).ToList())
                _deleted.Remove(gone);
        }
    }

    public int RemoveAbandonedUploads() => inner.RemoveAbandonedUploads();

    public void Dispose()
    {
    }
}
