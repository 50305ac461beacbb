using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Which blobs snapshot records refer to, ours and restic's alike: one bit for each entry of the index, set on the first entry of
/// a blob. One thread.
/// </summary>
internal sealed class UsedBlobSet : IDisposable
{
    /// <summary>So many images are named if one thing is missing; the rest is counted.</summary>
    private const int NamedCount = 10;

    private readonly ImageRepository _repository;
    private readonly BlobIndex _index;
    private readonly BlobReader _reader;
    private readonly BitArray _marks;
    private readonly List<int> _copies = new();
    private readonly HashSet<(BlobId, BlobType)> _lost = new();

    public UsedBlobSet(ImageRepository repository, BlobIndex index)
    {
        _repository = repository;
        _index = index;
        _reader = new BlobReader(repository.Files, repository.Sealers);
        _marks = new BitArray(index.Count);
    }

    public static long MemoryBytes(int entryCount) => (entryCount + 31) / 32 * 4L;

    /// <summary>Blobs that are referred to and cannot be had: not in the index, or a tree that cannot be read.</summary>
    public IReadOnlyCollection<(BlobId Id, BlobType Type)> Lost => _lost;

    /// <summary>Whether a blob is in use; by the number of its first entry.</summary>
    public bool IsMarked(int firstNumber) => _marks[firstNumber];

    /// <summary>Marks every blob that the snapshot records reach. Missing blobs are collected in <see cref="Lost"/>.</summary>
    /// <exception cref="ImageBackupException">SnapshotCorrupt: the blobs of such a snapshot record are not known. A storage failure.</exception>
    public void Mark(IReadOnlyList<StoredFile> snapshots, Action<long, long>? progress, CancellationToken cancellation)
    {
        for (int i = 0; i < snapshots.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Invoke(i, snapshots.Count);
            if (Load(snapshots[i].Name) is { } snapshot)
                Mark(snapshot.Tree, cancellation);
        }
        progress?.Invoke(snapshots.Count, snapshots.Count);
    }

    /// <summary>
    /// The refusal: names the images that need what is lost, and says how much that is.
    /// </summary>
    /// <param name="snapshots">All of them.</param>
    /// <param name="lost">What cannot be had.</param>
    /// <param name="id">ChunkMissing or PackCorrupt.</param>
    /// <param name="what">What is wrong, without a full stop.</param>
    /// <param name="cancellation">Ends the search for the images.</param>
    public ImageBackupException Refusal(IReadOnlyList<StoredFile> snapshots, HashSet<(BlobId, BlobType)> lost, ErrorId id, string what, CancellationToken cancellation)
    {
        var named = new List<string>();
        int count = 0;
        foreach (StoredFile file in snapshots)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Load(file.Name) is not { } snapshot || !Reaches(snapshot.Tree, lost, cancellation))
                continue;
            if (++count <= NamedCount)
            {
                named.Add(string.Format(CultureInfo.InvariantCulture, "{0} ({1} on {2}, {3:yyyy-MM-dd HH:mm})",
                    DisplayText.ShortId(file.Name), string.Join(", ", snapshot.Paths), snapshot.HostName, snapshot.Time.LocalDateTime));
            }
        }
        string more = count > NamedCount ? $" and {count - NamedCount} more" : "";
        return new ImageBackupException(id,
            $"Nothing was removed from '{_repository.Location}': {what}. {(count == 1 ? "Image" : "Images")} that {(count == 1 ? "needs" : "need")} it: {string.Join("; ", named)}{more}.", _repository.Location)
        {
            RecommendedAction = id == ErrorId.PackCorrupt
                ? "Run Repair-ImageRepository -ReadData, back the volumes up again or remove the images named with Remove-ImageBackup; then run the command again."
                : "Back the volumes up again, which stores what they still have, or remove the images named with Remove-ImageBackup; then run the command again.",
        };
    }

    private SnapshotRecord? Load(string name)
    {
        try
        {
            return SnapshotRecord.Read(_repository.Files.LoadSealed(StoredKind.Snapshot, name, _repository.Sealers));
        }
        catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
        {
            // Removed since it was listed; not while we hold the repository for ourselves.
            return null;
        }
        catch (FormatException e)
        {
            throw _repository.Files.Corrupt(StoredKind.Snapshot, name, e.Message.TrimEnd('.'));
        }
    }

    private void Mark(BlobId root, CancellationToken cancellation)
    {
        var pending = new Stack<BlobId>();
        pending.Push(root);
        while (pending.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            BlobId tree = pending.Pop();
            int number = _index.FirstNumber(tree, BlobType.Tree);
            if (number < 0)
            {
                _lost.Add((tree, BlobType.Tree));
                continue;
            }
            // A mark also says that the tree has been walked, so nothing goes round in circles.
            if (_marks[number])
                continue;
            _marks[number] = true;
            if (ReadTree(tree) is not { } json || !TryReferences(json, MarkReference))
                _lost.Add((tree, BlobType.Tree));
        }

        void MarkReference(BlobId id, BlobType type)
        {
            if (type == BlobType.Tree)
                pending.Push(id);
            else if (_index.FirstNumber(id, type) is >= 0 and var number)
                _marks[number] = true;
            else
                _lost.Add((id, type));
        }
    }

    private bool Reaches(BlobId root, HashSet<(BlobId, BlobType)> lost, CancellationToken cancellation)
    {
        var seen = new HashSet<BlobId>();
        var pending = new Stack<BlobId>();
        pending.Push(root);
        bool isFound = false;
        while (pending.Count > 0 && !isFound)
        {
            cancellation.ThrowIfCancellationRequested();
            BlobId tree = pending.Pop();
            if (!seen.Add(tree))
                continue;
            if (lost.Contains((tree, BlobType.Tree)))
                return true;
            if (ReadTree(tree) is { } json)
            {
                TryReferences(json, (id, type) =>
                {
                    isFound |= lost.Contains((id, type));
                    if (type == BlobType.Tree)
                        pending.Push(id);
                });
            }
        }
        return isFound;
    }

    private static bool TryReferences(byte[] json, Action<BlobId, BlobType> onReference)
    {
        try
        {
            TreeFile.References(json, onReference);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>From the first copy that is whole; null if none is.</summary>
    private byte[]? ReadTree(BlobId tree)
    {
        _copies.Clear();
        _index.NumbersOf(tree, BlobType.Tree, _copies);
        foreach (int copy in _copies)
        {
            try
            {
                return _reader.Read(tree, _index.EntryAt(copy).Location);
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
            {
                // The next copy may be whole.
            }
        }
        return null;
    }

    public void Dispose() => _reader.Dispose();
}
