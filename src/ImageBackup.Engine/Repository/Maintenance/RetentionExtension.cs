using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// On storage that keeps files until a time (<see cref="IRetainingStorage"/>): all files that are in use are kept for the whole period again before
/// the shortest of their times runs down to <see cref="LeastShare"/> of it.
/// </summary>
/// <remarks>
/// The 'config' is the mark. It is extended last, and what is written later is kept for longer, so no file in use is kept for less time than it is: one
/// request tells whether anything is due, on whatever machine, and an extension that was cut short is begun again.
/// </remarks>
internal static class RetentionExtension
{
    /// <summary>After every backup all of the repository is kept for this share of the period at least; it is extended three times in a period.</summary>
    private const double LeastShare = 2.0 / 3;

    /// <summary>Call it after the last pack and index file, and before the record that points at them.</summary>
    /// <param name="files">The repository's.</param>
    /// <param name="packs">Those that are in use: what the index lists.</param>
    /// <param name="writeVerbose">Told what is done; null: nobody.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageBackupException">The storage does not let it be done.</exception>
    public static void ExtendIfDue(RepositoryFiles files, Func<IReadOnlyCollection<BlobId>> packs, Action<string>? writeVerbose, CancellationToken cancellation)
    {
        if (files.RetentionPeriod is not { } period)
            return;
        if (files.RetainedUntil(StoredKind.Config, "") is { } until && until - DateTimeOffset.UtcNow >= TimeSpan.FromTicks((long)(period.Ticks * LeastShare)))
            return;
        List<(StoredKind Kind, string Name)> due =
        [
            .. new[] { StoredKind.Key, StoredKind.Snapshot, StoredKind.Index }.SelectMany(kind => files.List(kind).Select(file => (kind, file.Name)).ToList()),
            .. packs().Select(pack => (StoredKind.Pack, pack.ToString())),
        ];
        writeVerbose?.Invoke($"The object lock of {due.Count + 1} files is extended to {period.TotalDays:0.#} days from now.");
        ParallelWork.Run(due, files.Traits.Connections, () => (IDisposable?)null, (item, _) => files.Retain(due[item].Kind, due[item].Name), cancellation);
        files.Retain(StoredKind.Config, "");
    }
}
