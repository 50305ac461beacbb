using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Removal;

/// <summary>What is to become of an image's tags and description; null: nothing.</summary>
internal sealed record ImageAnnotation
{
    public bool? IsPinned { get; init; }

    /// <summary>All tags but the ones that this module gives a meaning (<see cref="ImageTag"/>).</summary>
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Empty: none.</summary>
    public string? Description { get; init; }
}

/// <summary>
/// Changes what people wrote about an image. A file of the repository is named by its content, so the image gets another id, as by
/// <c>restic tag</c>; the record remembers the first one as "original".
/// </summary>
internal sealed class AnnotateJob(ImageRepository repository)
{
    /// <summary>The change as a snapshot record; null: it is so already.</summary>
    private static SnapshotRecord? Changed(SnapshotRecord was, ImageAnnotation change, string id)
    {
        string[] ours = [ImageTag.Name, ImageTag.Pinned];
        List<string> tags = change.Tags is null ? [.. was.Tags] : [.. was.Tags.Where(ours.Contains), .. change.Tags.Where(tag => tag != ImageTag.Name)];
        if (change.IsPinned == false)
            tags.RemoveAll(tag => tag == ImageTag.Pinned);
        else if (change.IsPinned == true)
            tags.Add(ImageTag.Pinned);
        tags = [.. tags.Distinct()];
        string? description = change.Description is null ? was.Description : change.Description.Length == 0 ? null : change.Description;
        return tags.SequenceEqual(was.Tags) && description == was.Description
            ? null
            : was with { Tags = tags, Description = description, Original = was.Original ?? id };
    }

    /// <summary>
    /// Changes images as the only user of the repository, as restic's tag does. The new record is durable before the old one goes: a
    /// kill in between leaves both, which name the same data.
    /// </summary>
    /// <param name="ids">Whole ids.</param>
    /// <param name="change">What is to become of them.</param>
    /// <param name="cancellation">Between two images.</param>
    /// <returns>The id that each image has now, by the id that it had; the same if nothing changed.</returns>
    /// <exception cref="ImageBackupException">RepositoryLocked, LockLost, RepositoryVersionUnsupported, SnapshotCorrupt, a storage failure.</exception>
    public IReadOnlyDictionary<string, string> Annotate(IReadOnlyCollection<string> ids, ImageAnnotation change, CancellationToken cancellation)
    {
        if (ids is null)
            throw new ArgumentNullException(nameof(ids));
        if (change is null)
            throw new ArgumentNullException(nameof(change));
        repository.ThrowIfNotWritable();
        using RepositoryLock held = repository.Lock(isExclusive: true, cancellation);
        var now = new Dictionary<string, string>(StringComparer.Ordinal);
        bool isAnyGone = false;
        try
        {
            foreach (string id in ids)
            {
                cancellation.ThrowIfCancellationRequested();
                held.ThrowIfLost();
                if (Changed(ImageContent.LoadSnapshot(repository, id), change, id) is not { } changed)
                {
                    now[id] = id;
                    continue;
                }
                now[id] = repository.Files.SaveSealed(StoredKind.Snapshot, changed.Write(), repository.FormatVersion, repository.Sealers);
                held.ThrowIfLost();
                repository.Files.Delete(StoredKind.Snapshot, id);
                isAnyGone = true;
            }
        }
        finally
        {
            if (isAnyGone)
                repository.Files.SyncDeletions(StoredKind.Snapshot);
        }
        return now;
    }
}
