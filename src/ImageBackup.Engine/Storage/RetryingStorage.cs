using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// A storage on a network: a call that fails by a moment's outage is tried again, a little later each time. A failure that will not pass
/// (a full disk, a denied access, a file that is not there, a read-only share) is not. Any thread.
/// </summary>
/// <remarks>
/// An upload to a share is not tried again except for its beginning: a failed write does not tell what it left of a file, and
/// the backup that is run again reuses every pack that landed. An upload to a server is sent again as
/// a whole. A wait ends when the command is stopped (<see cref="PendingCalls"/>), with an OperationCanceledException.
/// </remarks>
internal sealed class RetryingStorage(IStorage inner, IReadOnlyList<TimeSpan> waits) : IRetainingStorage
{
    /// <summary>Long enough for a switch to come up again or a server to fail over, short enough for who waits.</summary>
    public static IReadOnlyList<TimeSpan> NetworkWaits { get; } = new[] { 0.25, 1, 3, 8, 15 }.Select(TimeSpan.FromSeconds).ToArray();

    /// <summary>restic's for servers: from 1 s doubling, up to a minute each, <see cref="s_longest"/> in all.</summary>
    public static IReadOnlyList<TimeSpan> ServerWaits { get; } = Enumerable.Range(0, 30).Select(i => TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, i)))).ToArray();

    /// <summary>So long a call is tried again at most.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(15);

    /// <summary>No server makes us wait longer than this at once.</summary>
    private static readonly TimeSpan s_longestAskedWait = TimeSpan.FromMinutes(2);

    /// <summary>A server that never answered is tried so often again: a wrong name or port will not mend itself.</summary>
    private const int AttemptsBeforeAnswer = 2;

    private volatile bool _hasAnswered;

    public StorageLocation Location => inner.Location;

    public StorageTraits Traits => inner.Traits;

    /// <summary>A directory's storage; with retries if it lies on a network.</summary>
    /// <param name="path">The directory's.</param>
    /// <param name="connections">So many files are written at once.</param>
    public static IStorage At(string path, int connections = 1)
    {
        var local = new LocalStorage(path) { Traits = StorageTraits.Local with { Connections = connections } };
        path = local.Location.LocalPath!;
        return IsOnNetwork(path) ? new RetryingStorage(local, NetworkWaits) : local;
    }

    public void CreateLayout(CancellationToken cancellation) => Try(() =>
    {
        inner.CreateLayout(cancellation);
        return true;
    }, cancellation);

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => Try(() => inner.Exists(kind, name, cancellation), cancellation);

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => Try(() => inner.List(kind, cancellation), cancellation);

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Try(() => inner.LengthOf(kind, name, cancellation), cancellation);

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) =>
        Try(() => inner.Load(kind, name, limitBytes, cancellation), cancellation);

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) => Try(() =>
    {
        inner.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);
        return true;
    }, cancellation);

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        // Each try writes a temporary file of its own; a name that is taken by then has this content.
        Try(() =>
        {
            inner.Save(kind, name, copy, cancellation);
            return true;
        }, cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) =>
        new Upload(this, Try(() => inner.BeginUpload(kind, cancellation), cancellation));

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) => Try(() =>
    {
        inner.Delete(kind, name, cancellation);
        return true;
    }, cancellation);

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => Try(() =>
    {
        inner.SyncDeletions(kind, cancellation);
        return true;
    }, cancellation);

    public int RemoveAbandonedUploads(CancellationToken cancellation) => Try(() => inner.RemoveAbandonedUploads(cancellation), cancellation);

    /// <summary>Null also if the storage knows no such thing.</summary>
    public TimeSpan? RetentionPeriod => (inner as IRetainingStorage)?.RetentionPeriod;

    public DateTimeOffset? RetainedUntil(StoredKind kind, string name, CancellationToken cancellation) =>
        inner is IRetainingStorage retaining ? Try(() => retaining.RetainedUntil(kind, name, cancellation), cancellation) : null;

    public void Retain(StoredKind kind, string name, CancellationToken cancellation)
    {
        if (inner is not IRetainingStorage retaining)
            return;
        Try(() =>
        {
            retaining.Retain(kind, name, cancellation);
            return true;
        }, cancellation);
    }

    public void Dispose() => inner.Dispose();

    private T Try<T>(Func<T> action, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                T result = action();
                _hasAnswered = true;
                return result;
            }
            catch (StorageException e) when (e.IsTransient && WaitBefore(attempt, e, began) is { } wait && !PendingCalls.Stop.IsCancellationRequested)
            {
                // Stopped before: each cleanup on the way out is tried once, without a wait.
                Wait(wait, cancellation);
            }
        }
    }

    /// <summary>Null: there is no other try.</summary>
    private TimeSpan? WaitBefore(int attempt, StorageException failure, long began)
    {
        // A mistyped name of a server does not begin to exist by waiting.
        if (attempt >= waits.Count || failure.Problem == StorageProblem.Unreachable && !_hasAnswered && attempt >= AttemptsBeforeAnswer)
            return null;
        TimeSpan wait = waits[attempt];
        if (failure.RetryAfter is { } asked && asked > wait)
            wait = asked < s_longestAskedWait ? asked : s_longestAskedWait;
        return (double)(Stopwatch.GetTimestamp() - began) / Stopwatch.Frequency > s_longest.TotalSeconds ? null : wait;
    }

    private static void Wait(TimeSpan time, CancellationToken cancellation)
    {
        if (!cancellation.CanBeCanceled || cancellation == PendingCalls.Stop)
        {
            if (PendingCalls.WaitOrStop(time))
                PendingCalls.Stop.ThrowIfCancellationRequested();
            return;
        }
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, PendingCalls.Stop);
        either.Token.WaitHandle.WaitOne(time);
        either.Token.ThrowIfCancellationRequested();
    }

    /// <summary>A spooled file is sent again as a whole; what was written in place is not, for a failed write does not tell what it left.</summary>
    private sealed class Upload(RetryingStorage storage, IStorageUpload upload) : IStorageUpload
    {
        public long LengthBytes => upload.LengthBytes;

        public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation) => upload.Append(buffer, offset, countBytes, cancellation);

        public void Commit(string name, CancellationToken cancellation)
        {
            if (!storage.Traits.IsRemote)
            {
                upload.Commit(name, cancellation);
                return;
            }
            storage.Try(() =>
            {
                upload.Commit(name, cancellation);
                return true;
            }, cancellation);
        }

        public void Dispose() => upload.Dispose();
    }

    private static bool IsOnNetwork(string path)
    {
        if (path.StartsWith(@"\\", StringComparison.Ordinal) && !path.StartsWith(@"\\?\", StringComparison.Ordinal) && !path.StartsWith(@"\\.\", StringComparison.Ordinal))
            return true;
        try
        {
            // The nearest directory that is there: a repository may have yet to be made.
            string? at = path;
            while (at is not null && !Directory.Exists(at))
                at = Path.GetDirectoryName(at);
            return at is not null && new DriveInfo(Path.DirectorySeparatorChar == '\\' ? Path.GetPathRoot(at)! : at).DriveType == DriveType.Network;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }
}
