using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>The calls of <see cref="IStorage"/> and its uploads.</summary>
internal enum StorageOperation
{
    Exists,
    List,
    LengthOf,
    Load,
    ReadAt,
    Save,
    BeginUpload,
    Append,
    Commit,
    Delete,
    SyncDeletions,
    RemoveAbandonedUploads,
}

/// <summary>
/// One call, how many of the same operation and kind came before it, and the file's name; empty if it is not of one file. The name does not
/// count when two are compared: the same call of another run has another.
/// </summary>
internal readonly record struct StorageCall(StorageOperation Operation, StoredKind Kind, int Number, string Name = "")
{
    public bool Equals(StorageCall other) => (Operation, Kind, Number) == (other.Operation, other.Kind, other.Number);

    public override int GetHashCode() => (Operation, Kind, Number).GetHashCode();
}

/// <summary>How a call fails: before anything is done, after all is done, or (appends) with half of it done.</summary>
internal enum FaultMoment
{
    Before,
    After,
    Torn,
}

internal sealed record StorageFault(StorageProblem Problem, FaultMoment Moment);

/// <summary>
/// A storage that fails when a script says so, and keeps a list of all calls. Disposing leaves the inner storage open.
/// </summary>
internal sealed class FaultyStorage(IStorage inner) : IStorage
{
    private readonly ConcurrentDictionary<(StorageOperation, StoredKind), int> _counts = new();
    private readonly ConcurrentQueue<StorageCall> _calls = new();

    /// <summary>Says of each call whether and how it fails. Called on any thread; may also cancel something, or wait.</summary>
    public Func<StorageCall, StorageFault?> Script { get; set; } = _ => null;

    /// <summary>All calls since the last <see cref="Reset"/>.</summary>
    public IReadOnlyCollection<StorageCall> Calls => _calls;

    /// <summary>Calls that were made to fail.</summary>
    public int FaultCount => Volatile.Read(ref _faultCount);

    private int _faultCount;

    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    public void Reset()
    {
        _counts.Clear();
        _calls.Clear();
        Script = _ => null;
        _faultCount = 0;
    }

    public void CreateLayout(CancellationToken cancellation) => inner.CreateLayout(cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => Run(StorageOperation.Exists, kind, name, () => inner.Exists(kind, name, cancellation));

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => Run(StorageOperation.List, kind, "", () => inner.List(kind, cancellation));

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Run(StorageOperation.LengthOf, kind, name, () => inner.LengthOf(kind, name, cancellation));

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) => Run(StorageOperation.Load, kind, name, () => inner.Load(kind, name, limitBytes, cancellation));

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) =>
        Run(StorageOperation.ReadAt, kind, name, () => inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation));

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        Run(StorageOperation.Save, kind, name, () => inner.Save(kind, name, copy, cancellation));
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        IStorageUpload? begun = null;
        try
        {
            Run(StorageOperation.BeginUpload, kind, "", () => begun = inner.BeginUpload(kind, cancellation));
            return new Upload(this, kind, begun!);
        }
        catch
        {
            begun?.Dispose();
            throw;
        }
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => Run(StorageOperation.Delete, kind, name, () => inner.Delete(kind, name, cancellation));

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => Run(StorageOperation.SyncDeletions, kind, "", () => inner.SyncDeletions(kind, cancellation));

    public int RemoveAbandonedUploads(CancellationToken cancellation) => Run(StorageOperation.RemoveAbandonedUploads, StoredKind.Pack, "", () => inner.RemoveAbandonedUploads(cancellation));

    public void Dispose()
    {
    }

    private T Run<T>(StorageOperation operation, StoredKind kind, string name, Func<T> action, Action? half = null)
    {
        int number = _counts.AddOrUpdate((operation, kind), 0, (_, count) => count + 1);
        var call = new StorageCall(operation, kind, number, name);
        _calls.Enqueue(call);
        StorageFault? fault = Script(call);
        if (fault is null)
            return action();
        Interlocked.Increment(ref _faultCount);
        if (fault.Moment == FaultMoment.After)
            action();
        else if (fault.Moment == FaultMoment.Torn)
            half?.Invoke();
        throw new StorageException(fault.Problem, Location.DisplayName, $"Scripted: {operation} of {kind} number {number} fails {fault.Moment}.");
    }

    private void Run(StorageOperation operation, StoredKind kind, string name, Action action, Action? half = null) => Run(operation, kind, name, () =>
    {
        action();
        return true;
    }, half);

    private sealed class Upload(FaultyStorage storage, StoredKind kind, IStorageUpload inner) : IStorageUpload
    {
        public long LengthBytes => inner.LengthBytes;

        public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation) => storage.Run(StorageOperation.Append, kind, "",
            () => inner.Append(buffer, offset, countBytes, cancellation), () => inner.Append(buffer, offset, countBytes / 2, cancellation));

        public void Commit(string name, CancellationToken cancellation) => storage.Run(StorageOperation.Commit, kind, name, () => inner.Commit(name, cancellation));

        public void Dispose() => inner.Dispose();
    }
}
