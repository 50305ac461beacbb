using System;
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
        var damaged = new List<DamagedImage>();
        foreach (StoredFile file in repository.Files.List(StoredKind.Snapshot))
        {
            cancellation.ThrowIfCancellationRequested();
            SnapshotRecord snapshot;
            try
            {
                snapshot = SnapshotRecord.Read(repository.Files.LoadSealed(StoredKind.Snapshot, file.Name, repository.Sealers, cancellation));
            }
            catch (Exception e) when (e is FormatException or ImageBackupException)
            {
                // Reported as what it is: a snapshot record that cannot be read names no volume.
                continue;
            }
            if (Look(file.Name, snapshot, cancellation) is { } found)
                damaged.Add(found);
        }
        return damaged;
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
        if (!index.TryFind(id, BlobType.Data, out BlobLocation first))
            return true;
        return isBad(first) && index.FindAll(id, BlobType.Data).All(isBad);
    }
}
