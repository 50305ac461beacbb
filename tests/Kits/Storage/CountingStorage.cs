using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>Counts what is read of which file, and how many reads are under way at once. Disposing leaves the inner storage open.</summary>
internal sealed class CountingStorage(IStorage inner) : IStorage
{
    private readonly ConcurrentQueue<StorageRead> _reads = new();
    private int _underWay, _mostUnderWay;

    /// <summary>How long each read of a part takes at least: so that reads which may be under way at once are.</summary>
    public TimeSpan ReadTime { get; set; }

    /// <summary>Reads of parts of files, in the order of their ends.</summary>
    public IReadOnlyCollection<StorageRead> Reads => _reads;

    public int MostReadsUnderWay => Volatile.Read(ref _mostUnderWay);

    public int LoadCount(StoredKind kind) => _loads.TryGetValue(kind, out int count) ? count : 0;

    private readonly ConcurrentDictionary<StoredKind, int> _loads = new();

    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    public void Reset()
    {
        while (_reads.TryDequeue(out _))
        {
        }
        _loads.Clear();
        Volatile.Write(ref _mostUnderWay, 0);
    }

    /// <summary>How often each byte of a file was read.</summary>
    public int[] TimesRead(StoredKind kind, string name)
    {
        int[] times = new int[inner.LengthOf(kind, name, CancellationToken.None)];
        foreach (StorageRead read in _reads.Where(r => r.Kind == kind && r.Name == name))
        {
            for (long at = read.OffsetBytes; at < read.OffsetBytes + read.CountBytes; at++)
                times[at]++;
        }
        return times;
    }

    public void CreateLayout(CancellationToken cancellation) => inner.CreateLayout(cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => inner.Exists(kind, name, cancellation);

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => inner.List(kind, cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => inner.LengthOf(kind, name, cancellation);

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        _loads.AddOrUpdate(kind, 1, (_, count) => count + 1);
        return inner.Load(kind, name, limitBytes, cancellation);
    }

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        int now = Interlocked.Increment(ref _underWay);
        for (int most = _mostUnderWay; now > most; most = _mostUnderWay)
            Interlocked.CompareExchange(ref _mostUnderWay, now, most);
        try
        {
            if (ReadTime > TimeSpan.Zero)
                Thread.Sleep(ReadTime);
            inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);
            _reads.Enqueue(new StorageRead(kind, name, offsetBytes, countBytes));
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => inner.Save(kind, name, content, cancellation);

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => inner.BeginUpload(kind, cancellation);

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => inner.Delete(kind, name, cancellation);

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => inner.SyncDeletions(kind, cancellation);

    public int RemoveAbandonedUploads(CancellationToken cancellation) => inner.RemoveAbandonedUploads(cancellation);

    public void Dispose()
    {
    }
}

/// <summary>One read of a part of a file.</summary>
internal readonly record struct StorageRead(StoredKind Kind, string Name, long OffsetBytes, int CountBytes);
