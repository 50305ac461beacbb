using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Records;

/// <summary>
/// The little of each snapshot record by which an image's parent and the policy in keeping are found. A snapshot record's file never changes
/// under its name: a record that was read once is not read again. Held by who works in one repository for long. Any thread.
/// </summary>
internal sealed class SnapshotHeaderCache(ImageRepository repository)
{
    /// <summary>So many whole records wait for who lists the images next, a few kilobytes each.</summary>
    private const int UntakenLimitCount = 1024;

    /// <summary>So old a listing is used once more.</summary>
    private static readonly TimeSpan s_listingAge = TimeSpan.FromSeconds(10);

    private Listing? _listing;

    private sealed record Listing(List<StoredFile> Files, Stopwatch Age);

    private readonly ConcurrentDictionary<string, Trace> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SnapshotRecord> _untaken = new(StringComparer.Ordinal);

    /// <summary>Of one snapshot record.</summary>
    /// <param name="Path">Its only path; null if it has several or none.</param>
    /// <param name="IsImage">It carries our summary.</param>
    internal sealed record Trace(string Id, DateTimeOffset Time, string HostName, string? Path, bool IsImage, bool IsPolicy);

    /// <summary>Of all snapshot records that exist now. Records removed since the listing are left out.</summary>
    /// <param name="onFailure">Told of every snapshot record that cannot be read.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="ImageBackupException">The snapshot records cannot be listed.</exception>
    internal IReadOnlyCollection<Trace> Read(Action<Exception>? onFailure, CancellationToken cancellation)
    {
        List<StoredFile> files = repository.Files.List(StoredKind.Snapshot).ToList();
        Interlocked.Exchange(ref _listing, new Listing(files, Stopwatch.StartNew()));
        return Read(files, onFailure, cancellation);
    }

    /// <summary>
    /// As <see cref="Read"/>, of the listing that a command took at its beginning if nobody has used that yet and it is a few seconds old at
    /// most: for who is content with what was there then.
    /// </summary>
    internal IReadOnlyCollection<Trace> ReadOnce(Action<Exception>? onFailure, CancellationToken cancellation) =>
        Interlocked.Exchange(ref _listing, null) is { } listing && listing.Age.Elapsed < s_listingAge
            ? Read(listing.Files, onFailure, cancellation)
            : Read(repository.Files.List(StoredKind.Snapshot).ToList(), onFailure, cancellation);

    /// <summary>The ids of the listing that a command took at its beginning, if that is a few seconds old at most and nobody has used it up; else null.</summary>
    internal IEnumerable<string>? RecentIds =>
        Volatile.Read(ref _listing) is { } listing && listing.Age.Elapsed < s_listingAge ? listing.Files.Select(file => file.Name) : null;

    private ConcurrentBag<Trace> Read(List<StoredFile> files, Action<Exception>? onFailure, CancellationToken cancellation)
    {
        var traces = new ConcurrentBag<Trace>();
        var failures = new ConcurrentBag<Exception>();
        Parallel.ForEach(files, new ParallelOptions { CancellationToken = cancellation }, file => Try(failures, () =>
            traces.Add(_known.TryGetValue(file.Name, out Trace? known) ? known : _known[file.Name] = TraceOf(file.Name))));
        foreach (Exception failure in failures)
            onFailure?.Invoke(failure);
        return traces;
    }

    /// <summary>Hands over a whole record that was read, once; null: it was not, or is not kept any more.</summary>
    internal SnapshotRecord? Take(string id) => _untaken.TryRemove(id, out SnapshotRecord? snapshot) ? snapshot : null;

    private Trace TraceOf(string id)
    {
        SnapshotRecord snapshot = ImageContent.LoadSnapshot(repository, id);
        if (_untaken.Count < UntakenLimitCount)
            _untaken[id] = snapshot;
        bool isPolicy = PolicyRecord.Is(snapshot);
        return new Trace(id, snapshot.Time, snapshot.HostName, snapshot.Paths is [string path] ? path : null,
            snapshot.Summary is not null && !isPolicy && !RemovalRecord.Is(snapshot), isPolicy);
    }

    /// <summary>Does what asks for one snapshot record, and puts what makes it unreadable to the failures.</summary>
    internal static void Try(ConcurrentBag<Exception> failures, Action action)
    {
        try
        {
            action();
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.ImageNotFound)
        {
            // Removed since it was listed.
        }
        catch (ImageBackupException e)
        {
            failures.Add(e);
        }
    }
}
