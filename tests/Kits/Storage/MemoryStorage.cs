using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>A storage in memory. Disposing leaves the content, so that a repository can be opened on it again.</summary>
internal sealed class MemoryStorage : IRetainingStorage
{
    private readonly ConcurrentDictionary<(StoredKind Kind, string Name), byte[]> _files = new();
    private readonly ConcurrentDictionary<(StoredKind Kind, string Name), DateTimeOffset> _times = new();
    private int _openUploads;

    /// <summary>The storage's own clock, if it tells when a lock was written; null: it does not.</summary>
    public Func<DateTimeOffset>? Clock { get; set; }

    /// <summary>Makes a file look as if it had been written then.</summary>
    public void Date(StoredKind kind, string name, DateTimeOffset time) => _times[(kind, name)] = time;

    public StorageLocation Location { get; } = StorageLocation.OfPath("memory:" + Guid.NewGuid().ToString("N"));

    /// <summary>A directory's, unless a test makes a server of it.</summary>
    public StorageTraits Traits { get; set; } = StorageTraits.Local;

    /// <summary>Uploads that were neither committed nor disposed: what would be temporary files on a disk.</summary>
    public int OpenUploadCount => Volatile.Read(ref _openUploads);

    /// <summary>Another storage with the same files.</summary>
    public MemoryStorage Clone()
    {
        var clone = new MemoryStorage();
        foreach (KeyValuePair<(StoredKind, string), byte[]> file in _files)
            clone._files[file.Key] = file.Value;
        return clone;
    }

    public string[] Names(StoredKind kind) => _files.Keys.Where(k => k.Kind == kind).Select(k => k.Name).ToArray();

    /// <summary>The bytes of a file, for a test to damage: what is given back is what <see cref="Replace"/> takes.</summary>
    public byte[] Content(StoredKind kind, string name) => (byte[])_files[(kind, name)].Clone();

    public void Replace(StoredKind kind, string name, byte[] content) => _files[(kind, name)] = content;

    public void CreateLayout(CancellationToken cancellation)
    {
    }

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => _files.ContainsKey(Key(kind, name));

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => _files.Where(f => f.Key.Kind == kind)
        .Select(f => new StoredFile(kind, f.Key.Name, f.Value.Length) { ModifiedTime = _times.TryGetValue(f.Key, out DateTimeOffset time) ? time : null }).OrderBy(f => f.Name, StringComparer.Ordinal).ToList();

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Find(kind, name).Length;

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        byte[] content = Find(kind, name);
        return content.Length <= limitBytes ? (byte[])content.Clone() : throw new StorageException(StorageProblem.TooLarge, name, "Too large.");
    }

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        byte[] content = Find(kind, name);
        if (offsetBytes + countBytes > content.Length)
            throw new StorageException(StorageProblem.TooShort, name, "Too short.");
        Array.Copy(content, offsetBytes, buffer, 0, countBytes);
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        if (_files.TryAdd(Key(kind, name), content.ToArray()) && kind == StoredKind.Lock && Clock is not null)
            _times[Key(kind, name)] = Clock();
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _openUploads);
        return new Upload(this, kind);
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => _files.TryRemove(Key(kind, name), out _);

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
    }

    public int RemoveAbandonedUploads(CancellationToken cancellation) => 0;

    /// <summary>Null, as it is at first: nothing is kept.</summary>
    public TimeSpan? RetentionPeriod { get; set; }

    /// <summary>Until when each file is kept that <see cref="Retain"/> was called for, and in which order; a test may set other times.</summary>
    public ConcurrentDictionary<(StoredKind Kind, string Name), DateTimeOffset> Kept { get; } = new();

    public ConcurrentQueue<(StoredKind Kind, string Name)> Retained { get; } = new();

    /// <summary>Of these kinds the service lets no file be kept.</summary>
    public StoredKind? RefusesToRetain { get; set; }

    public DateTimeOffset? RetainedUntil(StoredKind kind, string name, CancellationToken cancellation) => Kept.TryGetValue(Key(kind, name), out DateTimeOffset until) ? until : null;

    public void Retain(StoredKind kind, string name, CancellationToken cancellation)
    {
        if (kind == RefusesToRetain)
            throw new StorageException(StorageProblem.AccessDenied, name, "Refused.");
        Retained.Enqueue(Key(kind, name));
        Kept[Key(kind, name)] = DateTimeOffset.UtcNow + RetentionPeriod!.Value;
    }

    public void Dispose()
    {
    }

    private byte[] Find(StoredKind kind, string name) => _files.TryGetValue(Key(kind, name), out byte[]? content)
        ? content
        : throw new StorageException(StorageProblem.NotFound, name, "Not found.");

    private static (StoredKind, string) Key(StoredKind kind, string name)
    {
        if (kind != StoredKind.Config && (name.Length != 64 || name.Any(c => !char.IsAsciiHexDigitLower(c))))
            throw new ArgumentException("A stored file's name is 64 hexadecimal digits.", nameof(name));
        return (kind, kind == StoredKind.Config ? "" : name);
    }

    private sealed class Upload(MemoryStorage storage, StoredKind kind) : IStorageUpload
    {
        private readonly MemoryStream _content = new();
        private bool _committed;
        private bool _disposed;

        public long LengthBytes => _content.Length;

        public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation)
        {
            RequireOpen();
            _content.Write(buffer, offset, countBytes);
        }

        public void Commit(string name, CancellationToken cancellation)
        {
            RequireOpen();
            storage.Save(kind, name, _content.ToArray());
            _committed = true;
        }

        public void Dispose()
        {
            if (!_disposed)
                Interlocked.Decrement(ref storage._openUploads);
            _disposed = true;
        }

        private void RequireOpen()
        {
            if (_committed || _disposed)
                throw new StorageException(StorageProblem.WriteError, storage.Location.DisplayName, "The upload has ended.");
        }
    }
}
