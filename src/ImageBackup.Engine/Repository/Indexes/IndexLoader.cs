using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>Reads all index files into one <see cref="BlobIndex"/>.</summary>
internal static class IndexLoader
{
    /// <summary>
    /// Loads every index file. Packs that only superseded files list are dead. A file that cannot be used goes to
    /// <paramref name="onError"/>, or is thrown if that is null. A file that vanished between listing and reading was
    /// superseded meanwhile: the listing is taken again. With the index comes the listing that it was loaded by, which may have been begun
    /// before (<paramref name="ahead"/>).
    /// </summary>
    public static (BlobIndex Index, IReadOnlyList<string> FileNames) Load(
        RepositoryFiles files, SealerPool sealers, Action<string, ImageBackupException>? onError, CancellationToken cancellation, ListsAhead? ahead = null)
    {
        // What every job begins with: the job before it gives its memory back first.
        GcTrim.Run();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return LoadOnce(files, sealers, onError, files.List(StoredKind.Index, ahead), cancellation);
            }
            catch (IndexVanishedException e)
            {
                if (attempt == 5)
                    throw e.InnerException!;
            }
        }
    }

    /// <summary>
    /// Whether all is there still that was found by these index files: who removes a pack removes the index files that list it. Asked when a
    /// lock stands, of what was read before.
    /// </summary>
    public static bool AreStillThere(RepositoryFiles files, IReadOnlyList<string> fileNames)
    {
        var now = new HashSet<string>(files.List(StoredKind.Index).Select(file => file.Name), StringComparer.Ordinal);
        return fileNames.All(now.Contains);
    }

    private static (BlobIndex, IReadOnlyList<string>) LoadOnce(
        RepositoryFiles files, SealerPool sealers, Action<string, ImageBackupException>? onError, IEnumerable<StoredFile> listed, CancellationToken cancellation)
    {
        var index = new BlobIndex();
        List<string> names = listed.Select(file => file.Name).ToList();
        var superseded = new HashSet<string>(StringComparer.Ordinal);
        var packsOfFile = new Dictionary<string, List<BlobId>>(StringComparer.Ordinal);
        var gate = new object();
        try
        {
            // Two at a time: an index file is megabytes, and the memory bound holds for the whole process.
            var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(2, Environment.ProcessorCount), CancellationToken = cancellation };
            Parallel.ForEach(names, options, name =>
            {
                try
                {
                    LoadFile(name);
                }
                catch (ImageBackupException e) when (onError is not null && IsFileFault(e))
                {
                    lock (gate)
                        onError(name, e);
                }
            });
        }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e.InnerExceptions[0]).Throw();
        }

        if (superseded.Count > 0)
        {
            foreach (KeyValuePair<string, List<BlobId>> file in packsOfFile.Where(f => superseded.Contains(f.Key)))
                file.Value.ForEach(index.MarkDead);
            foreach (KeyValuePair<string, List<BlobId>> file in packsOfFile.Where(f => !superseded.Contains(f.Key)))
                file.Value.ForEach(index.MarkLive);
        }
        files.ForgetOtherPacks(pack => index.PackNumberOf(pack) >= 0);
        return (index, names);

        void LoadFile(string name)
        {
            var packs = new List<BlobId>();
            List<string> older = [];
            try
            {
                files.UseSealed(StoredKind.Index, name, sealers, json => older = IndexFile.Read(json, pack =>
                {
                    packs.Add(pack.PackId);
                    foreach (PackEntry blob in pack.Blobs)
                        index.Add(blob.Id, blob.In(pack.PackId));
                }), cancellation);
            }
            catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
            {
                throw new IndexVanishedException(e);
            }
            catch (FormatException e)
            {
                throw files.Corrupt(StoredKind.Index, name, e.Message.TrimEnd('.'));
            }
            lock (gate)
            {
                superseded.UnionWith(older);
                packsOfFile[name] = packs;
            }
        }
    }

    /// <summary>What is wrong with one file, and leaves the others readable.</summary>
    private static bool IsFileFault(ImageBackupException e) =>
        e.Id is ErrorId.IndexCorrupt or ErrorId.RepositoryReadFailed or ErrorId.RepositoryAccessDenied;

    private sealed class IndexVanishedException(ImageBackupException inner) : Exception("An index file vanished while it was read.", inner);
}
