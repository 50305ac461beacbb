using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Packs that no index lists: an index file was lost, or a backup was killed. If what an image misses lies in one, the right advice
/// is a repair, and only then. Reads packs' headers, and only after something was missed.
/// </summary>
internal static class UnlistedPacks
{
    public const string Advice = "Run Repair-ImageRepository: it lists the packs that no index lists.";

    /// <summary>The failure with the right advice: a blob that is missed is looked for. Never throws.</summary>
    public static ImageBackupException Explain(ImageRepository repository, MissingBlobException failure, CancellationToken cancellation)
    {
        try
        {
            return !Holds(repository, [failure.Blob], cancellation) ? failure
                : new ImageBackupException(failure.Id, $"{failure.Message.TrimEnd('.')}'s index, but in a pack that no index lists: an index file was lost. Repair-ImageRepository lists it.", failure.Target, failure)
                {
                    RecommendedAction = Advice,
                };
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            return failure;
        }
    }

    /// <summary>One of the blobs lies in a pack that no readable index lists.</summary>
    public static bool Holds(ImageRepository repository, ICollection<BlobId> blobs, CancellationToken cancellation) =>
        Read(repository, Known(repository, cancellation), cancellation).Any(pack => pack.Blobs.Any(blob => blobs.Contains(blob.Id)));

    /// <summary>The packs that an index does not list, with what their headers say; one that cannot be read is passed over.</summary>
    public static IEnumerable<IndexedPack> Read(ImageRepository repository, BlobIndex index, CancellationToken cancellation)
    {
        var known = new HashSet<BlobId>(index.Packs());
        foreach (StoredFile file in repository.Files.List(StoredKind.Pack))
        {
            cancellation.ThrowIfCancellationRequested();
            if (BlobId.TryParse(file.Name, out BlobId id) && !known.Contains(id) && OrphanPacks.TryReadHeader(repository, id, file.LengthBytes) is { } entries)
                yield return new IndexedPack(id, entries);
        }
    }

    private static BlobIndex Known(ImageRepository repository, CancellationToken cancellation) =>
        IndexLoader.Load(repository.Files, repository.Sealers, (_, _) => { }, cancellation).Index;
}
