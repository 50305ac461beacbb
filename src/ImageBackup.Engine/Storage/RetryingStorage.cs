using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// A storage on a network: a call that fails by a moment's outage is tried again, a little later each time. A failure that will not pass
/// (a full disk, a denied access, a file that is not there, a read-only share) is not. Any thread.
/// </summary>
/// <remarks>
/// Uploads are not tried again except for their beginning: a failed write does not tell what it left of a file, and the
/// backup that is run again reuses every pack that landed. A wait ends when the command is stopped
/// (<see cref="PendingCalls"/>), with an OperationCanceledException.
/// </remarks>
internal sealed class RetryingStorage(IStorage inner, IReadOnlyList<TimeSpan> waits) : IStorage
{
    /// <summary>Long enough for a switch to come up again or a server to fail over, short enough for who waits.</summary>
    public static IReadOnlyList<TimeSpan> NetworkWaits { get; } = new[] { 0.25, 1, 3, 8, 15 }.Select(TimeSpan.FromSeconds).ToArray();

    public string Location => inner.Location;

    /// <summary>A directory's storage; with retries if it lies on a network.</summary>
    public static IStorage At(string path)
    {
        var local = new LocalStorage(path);
        return IsOnNetwork(local.Location) ? new RetryingStorage(local, NetworkWaits) : local;
    }

    public void CreateLayout() => inner.CreateLayout();

    public bool Exists(StoredKind kind, string name) => Try(() => inner.Exists(kind, name));

    public IEnumerable<StoredFile> List(StoredKind kind) => Try(() => inner.List(kind));

    public long LengthOf(StoredKind kind, string name) => Try(() => inner.LengthOf(kind, name));

    public byte[] Load(StoredKind kind, string name, int limitBytes) => Try(() => inner.Load(kind, name, limitBytes));

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes) => Try(() =>
    {
        inner.ReadAt(kind, name, offsetBytes, buffer, countBytes);
        return true;
    });

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content)
    {
        byte[] copy = content.ToArray();
        // Each try writes a temporary file of its own; a name that is taken by then has this content.
        Try(() =>
        {
            inner.Save(kind, name, copy);
            return true;
        });
    }

    public IStorageUpload BeginUpload(StoredKind kind) => Try(() => inner.BeginUpload(kind));

    public void Delete(StoredKind kind, string name) => Try(() =>
    {
        inner.Delete(kind, name);
        return true;
    });

    public void SyncDeletions(StoredKind kind) => Try(() =>
    {
        inner.SyncDeletions(kind);
        return true;
    });

    public int RemoveAbandonedUploads() => Try(inner.RemoveAbandonedUploads);

    public void Dispose() => inner.Dispose();

    private T Try<T>(Func<T> action)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return action();
            }
            catch (StorageException e) when (attempt < waits.Count && (e.Problem is StorageProblem.ReadError or StorageProblem.WriteError)
                && !PendingCalls.Stop.IsCancellationRequested)
            {
                // Stopped before: each cleanup on the way out is tried once, without a wait.
                if (PendingCalls.WaitOrStop(waits[attempt]))
                    PendingCalls.Stop.ThrowIfCancellationRequested();
            }
        }
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
