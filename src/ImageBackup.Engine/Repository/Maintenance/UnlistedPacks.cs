using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
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
    public static ImageBackupException Explain(ImageRepository repository, MissingBlobException failure, CancellationToken cancellation) =>
        (ImageBackupException)Explain(repository, [failure], cancellation)[0];

    /// <summary>The failures, those of missed blobs with the right advice. The packs are read once for all of them. Never throws.</summary>
    public static IReadOnlyList<Exception> Explain(ImageRepository repository, IReadOnlyList<Exception> failures, CancellationToken cancellation)
    {
        var wanted = new HashSet<BlobId>(failures.OfType<MissingBlobException>().Select(missing => missing.Blob));
        if (wanted.Count == 0)
            return failures;
        try
        {
            HashSet<BlobId> held = Held(repository, Known(repository, cancellation), wanted, cancellation);
            return [.. failures.Select(failure => failure is MissingBlobException missing && held.Contains(missing.Blob) ? InLostIndex(missing) : failure)];
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            return failures;
        }
    }

    /// <summary>One of the blobs lies in a pack that no readable index lists.</summary>
    public static bool Holds(ImageRepository repository, HashSet<BlobId> blobs, CancellationToken cancellation) =>
        Held(repository, Known(repository, cancellation), blobs, cancellation).Count > 0;

    /// <summary>Which of the blobs lie in packs that the index does not list.</summary>
    public static HashSet<BlobId> Held(ImageRepository repository, BlobIndex index, HashSet<BlobId> wanted, CancellationToken cancellation)
    {
        var known = new HashSet<BlobId>(index.Packs());
        var unlisted = new List<KeyValuePair<BlobId, long>>();
        foreach (StoredFile file in repository.Files.List(StoredKind.Pack))
        {
            if (BlobId.TryParse(file.Name, out BlobId id) && !known.Contains(id))
                unlisted.Add(new KeyValuePair<BlobId, long>(id, file.LengthBytes));
        }
        var held = new HashSet<BlobId>();
        OrphanPacks.ReadHeaders(repository, unlisted, pack =>
        {
            held.UnionWith(pack.Blobs.Select(blob => blob.Id).Where(wanted.Contains));
            return held.Count == wanted.Count;
        }, cancellation);
        return held;
    }

    private static ImageBackupException InLostIndex(MissingBlobException missing) => new(missing.Id,
        $"{missing.Message.TrimEnd('.')}'s index, but in a pack that no index lists: an index file was lost. Repair-ImageRepository lists it.", missing.Target, missing)
    {
        RecommendedAction = Advice,
    };

    private static BlobIndex Known(ImageRepository repository, CancellationToken cancellation) =>
        IndexLoader.Load(repository.Files, repository.Sealers, (_, _) => { }, cancellation).Index;
}
