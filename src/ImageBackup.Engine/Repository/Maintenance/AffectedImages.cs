using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>Which images damage reaches, and where on their volumes.</summary>
/// <param name="repository">The repository.</param>
/// <param name="index">What it should hold.</param>
/// <param name="isBad">Whether what lies at a place is known to be missing or corrupt. A blob with another place is whole.</param>
internal sealed class AffectedImages(ImageRepository repository, BlobIndex index, Func<BlobLocation, bool> isBad)
{
    private const int FileLimit = 1000;

    public List<DamagedImage> Find(CancellationToken cancellation)
    {
        List<StoredFile> files = repository.Files.List(StoredKind.Snapshot).ToList();
        var found = new DamagedImage?[files.Count];
        var whole = new ConcurrentDictionary<BlobId, bool>();
        var rules = new TreeWalkRules(id => !IsLost(id), cancellation);
        object slow = new();
        using var trees = new TreeReading(repository);
        ParallelWork.Run(files, ParallelWork.CoreCount, trees.Open, (item, reader) =>
        {
            string name = files[item].Name;
            SnapshotRecord snapshot;
            try
            {
                snapshot = SnapshotRecord.Read(repository.Files.LoadSealed(StoredKind.Snapshot, name, repository.Sealers, cancellation));
            }
            catch (Exception e) when (e is FormatException or ImageBackupException)
            {
                // Reported as what it is: a snapshot record that cannot be read names no volume.
                return;
            }
            if (TreeWalk.IsWhole(trees, reader, index, snapshot.Tree, whole, rules))
                return;
            // Here lists are made of all that an image names: one at a time.
            lock (slow)
                found[item] = Look(name, snapshot, cancellation);
        }, cancellation);
        return found.OfType<DamagedImage>().ToList();
    }

    private DamagedImage? Look(string id, SnapshotRecord snapshot, CancellationToken cancellation)
    {
        var image = new DamagedImage
        {
            ImageId = id,
            Volume = snapshot.Paths.Count == 1 ? snapshot.Paths[0] : string.Join(", ", snapshot.Paths),
            ComputerName = snapshot.HostName,
            IsLost = true,
            Ranges = Array.Empty<ByteRange>(),
        };
        List<(string Path, TreeNode Node)> files;
        try
        {
            files = TreeWalk.Files(repository, index, snapshot.Tree, FileLimit, cancellation);
        }
        catch (ImageBackupException)
        {
            return image;
        }
        if (files.Count == 0)
            return null;
        // An image's largest file is its volume; the ones beside it are a few bytes each.
        TreeNode volume = files.OrderByDescending(f => f.Node.SizeBytes).First().Node;
        bool isBesideDamaged = files.Any(f => !ReferenceEquals(f.Node, volume) && f.Node.Content.Any(IsLost));
        List<ByteRange> ranges = TreeWalk.LostRanges(index, volume, IsLost);
        return ranges.Count > 0 || isBesideDamaged ? image with { IsLost = false, Ranges = ranges } : null;
    }

    private bool IsLost(BlobId id)
    {
        // The place that is read, which almost always is the only one: the others are looked for only if it is bad.
        int number = index.FirstNumber(id, BlobType.Data);
        if (number < 0)
            return true;
        (_, BlobLocation place, int pack) = index.EntryAt(number);
        if (!index.IsDead(pack) && !isBad(place))
            return false;
        return !index.TryFind(id, BlobType.Data, out BlobLocation first) || isBad(first) && index.FindAll(id, BlobType.Data).All(isBad);
    }
}
