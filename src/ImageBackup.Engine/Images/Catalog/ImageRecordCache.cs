using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>What one snapshot record says; nothing of these: a policy.</summary>
internal sealed record ImageRecord(ImageBackupInfo? Image, VolumeRemoval? Removal);

/// <summary>
/// What was read of a repository's snapshot records as images. A snapshot record's file never changes under its name: one that was read once is not
/// read again, and one that is gone is not listed, whatever is known of it. Held by who works in one repository for long. Any thread.
/// </summary>
/// <param name="headers">Hands over the records that it read; null: there is none.</param>
internal sealed class ImageRecordCache(SnapshotHeaderCache? headers = null)
{
    /// <summary>The most that is kept, a few kilobytes each: who has more images waits for the rest each time.</summary>
    private const int LimitCount = 20_000;

    private readonly ConcurrentDictionary<string, ImageRecord> _known = new();

    public bool TryGet(string name, out ImageRecord? record) => _known.TryGetValue(name, out record);

    /// <summary>The snapshot record, if it was read for something else and nobody has taken it since; else null.</summary>
    public SnapshotRecord? Take(string name) => headers?.Take(name);

    public void Add(string name, ImageRecord record)
    {
        if (_known.Count < LimitCount)
            _known[name] = record;
    }

    /// <summary>Forgets the records of files that are gone.</summary>
    /// <param name="names">All that are there.</param>
    public void Keep(IReadOnlyCollection<string> names)
    {
        if (_known.Count <= names.Count)
            return;
        var there = new HashSet<string>(names);
        foreach (string gone in _known.Keys.Where(name => !there.Contains(name)))
            _known.TryRemove(gone, out _);
    }
}
