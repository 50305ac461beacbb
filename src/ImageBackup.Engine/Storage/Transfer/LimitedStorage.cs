using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.Storage.Transfer;

/// <summary>
/// A storage whose contents go no faster than its user allows. For a storage that is spoken to over HTTP the limits hold where its bytes are sent
/// (<see cref="Http.LimitedHandler"/>).
/// </summary>
internal sealed class LimitedStorage(IStorage inner, TransferLimits limits) : IStorage
{
    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    public void CreateLayout(CancellationToken cancellation) => inner.CreateLayout(cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => inner.Exists(kind, name, cancellation);

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => inner.List(kind, cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => inner.LengthOf(kind, name, cancellation);

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        byte[] content = inner.Load(kind, name, limitBytes, cancellation);
        // How long it is, only its content tells: what comes next pays for it.
        Pay(limits.Download, content.Length, cancellation);
        return content;
    }

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        Pay(limits.Download, countBytes, cancellation);
        inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        // A lock must not wait behind packs: it would be stale when it is there.
        if (kind != StoredKind.Lock)
            Pay(limits.Upload, content.Length, cancellation);
        inner.Save(kind, name, content, cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => new LimitedUpload(inner.BeginUpload(kind, cancellation), limits.Upload);

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => inner.Delete(kind, name, cancellation);

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => inner.SyncDeletions(kind, cancellation);

    public int RemoveAbandonedUploads(CancellationToken cancellation) => inner.RemoveAbandonedUploads(cancellation);

    public void Dispose() => inner.Dispose();

    private static void Pay(RateSchedule? schedule, int countBytes, CancellationToken cancellation)
    {
        for (; schedule is not null && countBytes > 0; countBytes -= RateSchedule.PieceBytes)
            schedule.Take(Math.Min(countBytes, RateSchedule.PieceBytes), cancellation);
    }

    private sealed class LimitedUpload(IStorageUpload upload, RateSchedule? schedule) : IStorageUpload
    {
        public long LengthBytes => upload.LengthBytes;

        public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation)
        {
            Pay(schedule, countBytes, cancellation);
            upload.Append(buffer, offset, countBytes, cancellation);
        }

        public void Commit(string name, CancellationToken cancellation) => upload.Commit(name, cancellation);

        public void Dispose() => upload.Dispose();
    }
}
