using System;
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
/// a blob. <see cref="Mark"/> walks on several threads; all else is for one.
/// </summary>
internal sealed class UsedBlobSet : IDisposable
{
    /// <summary>So many images are named if one thing is missing; the rest is counted.</summary>
    private const int NamedCount = 10;

    private readonly ImageRepository _repository;
    private readonly BlobIndex _index;
    private readonly TreeReading _trees;
    private readonly int[] _marks;
    private readonly HashSet<(BlobId, BlobType)> _lost = new();

    public UsedBlobSet(ImageRepository repository, BlobIndex index)
    {
        _repository = repository;
        _index = index;
        _trees = new TreeReading(repository);
        _marks = new int[(index.Count + 31) / 32];
    }

    public static long MemoryBytes(int entryCount) => (entryCount + 31) / 32 * 4L;

    /// <summary>Blobs that are referred to and cannot be had: not in the index, or a tree that cannot be read.</summary>
    public IReadOnlyCollection<(BlobId Id, BlobType Type)> Lost => _lost;

    /// <summary>Whether a blob is in use; by the number of its first entry.</summary>
    public bool IsMarked(int firstNumber) => (_marks[firstNumber >> 5] & 1 << (firstNumber & 31)) != 0;

    /// <summary>False if it was marked already: of several threads one only gets true.</summary>
    private bool TryMark(int firstNumber)
    {
        ref int word = ref _marks[firstNumber >> 5];
        int bit = 1 << (firstNumber & 31);
        for (int before = Volatile.Read(ref word); (before & bit) == 0;)
        {
            int found = Interlocked.CompareExchange(ref word, before | bit, before);
            if (found == before)
                return true;
            before = found;
        }
        return false;
    }

    /// <summary>Marks every blob that the snapshot records reach. Missing blobs are collected in <see cref="Lost"/>.</summary>
    /// <exception cref="ImageBackupException">SnapshotCorrupt: the blobs of such a snapshot record are not known. A storage failure.</exception>
    public void Mark(IReadOnlyList<StoredFile> snapshots, Action<long, long>? progress, CancellationToken cancellation)
    {
        int doneCount = 0;
        progress?.Invoke(0, snapshots.Count);
        ParallelWork.Run(snapshots, ParallelWork.CoreCount, _trees.Open, (item, reader) =>
        {
            if (Load(snapshots[item].Name) is { } snapshot)
                Mark(snapshot.Tree, reader, cancellation);
            progress?.Invoke(Interlocked.Increment(ref doneCount), snapshots.Count);
        }, cancellation);
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
        using BlobReader reader = _trees.Open();
        foreach (StoredFile file in snapshots)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Load(file.Name) is not { } snapshot || !Reaches(snapshot.Tree, lost, reader, cancellation))
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

    private void Mark(BlobId root, BlobReader reader, CancellationToken cancellation)
    {
        var pending = new Stack<BlobId>();
        pending.Push(root);
        var subtrees = new List<BlobId>();
        var lost = new List<(BlobId, BlobType)>();
        while (pending.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            BlobId tree = pending.Pop();
            int number = _index.FirstNumber(tree, BlobType.Tree);
            if (number < 0)
            {
                NoteLost(tree, BlobType.Tree);
                continue;
            }
            // A mark also says that the tree has been walked, so nothing goes round in circles.
            if (!TryMark(number))
                continue;
            if (!TryReferences(tree, reader, Forget, MarkReference))
            {
                NoteLost(tree, BlobType.Tree);
                continue;
            }
            subtrees.ForEach(pending.Push);
            lost.ForEach(blob => NoteLost(blob.Item1, blob.Item2));
            Forget();
        }

        // What a damaged copy named is neither walked nor lost. That its chunks stay marked only keeps them.
        void Forget()
        {
            subtrees.Clear();
            lost.Clear();
        }

        void MarkReference(BlobId id, BlobType type)
        {
            if (type == BlobType.Tree)
                subtrees.Add(id);
            else if (_index.FirstNumber(id, type) is >= 0 and var number)
                TryMark(number);
            else
                lost.Add((id, type));
        }
    }

    private void NoteLost(BlobId id, BlobType type)
    {
        lock (_lost)
            _lost.Add((id, type));
    }

    private bool Reaches(BlobId root, HashSet<(BlobId, BlobType)> lost, BlobReader reader, CancellationToken cancellation)
    {
        var seen = new HashSet<BlobId>();
        var pending = new Stack<BlobId>();
        pending.Push(root);
        var subtrees = new List<BlobId>();
        bool isFound = false;
        while (pending.Count > 0 && !isFound)
        {
            cancellation.ThrowIfCancellationRequested();
            BlobId tree = pending.Pop();
            if (!seen.Add(tree))
                continue;
            if (lost.Contains((tree, BlobType.Tree)))
                return true;
            bool isHere = false;
            subtrees.Clear();
            if (!TryReferences(tree, reader, () => { subtrees.Clear(); isHere = false; }, (id, type) =>
                {
                    isHere |= lost.Contains((id, type));
                    if (type == BlobType.Tree)
                        subtrees.Add(id);
                }))
                continue;
            isFound |= isHere;
            subtrees.ForEach(pending.Push);
        }
        return isFound;
    }

    /// <summary>What a tree refers to, from the first copy that is whole; false if none is, or if it is not a tree.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="reader">The thread's own.</param>
    /// <param name="onCopy">Called before each copy is read: what was called back of another one is void.</param>
    /// <param name="onReference">Called back for each reference, before the copy is proven.</param>
    private bool TryReferences(BlobId tree, BlobReader reader, Action onCopy, Action<BlobId, BlobType> onReference)
    {
        var copies = new List<int>();
        _index.NumbersOf(tree, BlobType.Tree, copies);
        foreach (int copy in copies)
        {
            onCopy();
            try
            {
                _trees.Parse(reader, tree, _index.EntryAt(copy).Location, TreeFile.ReferenceParser(onReference));
                return true;
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
            {
                // The next copy may be whole.
            }
            catch (FormatException)
            {
                return false;
            }
        }
        return false;
    }

    public void Dispose() => _trees.Dispose();
}
