using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Restore;

/// <summary>Takes one image back to a volume or a file.</summary>
internal sealed class RestoreJob(ImageRepository repository, IVolumeSystem volumes)
{
    /// <summary>The image as <see cref="Check"/> read it, and the index files that it was found by.</summary>
    private (ImageContent Image, IReadOnlyList<string> IndexNames)? _checked;

    /// <summary>
    /// Checks everything that can be checked without writing: the image's chunks are all there, the target exists,
    /// is large enough, is not mounted, held, the system's or the repository's, and holds nothing that needs
    /// <see cref="RestoreRequest.Force"/>. Says what is there and what takes its place. Done by <see cref="Run"/> too.
    /// </summary>
    public RestoreCheck Check(RestoreRequest request, CancellationToken cancellation)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        var ahead = ListsAhead.Begin(repository.Files, StoredKind.Index);
        repository.ThrowIfLocked(isExclusive: false);
        (ImageContent image, IReadOnlyList<string> indexNames) = Load(request, ahead, cancellation);
        _checked = (image, indexNames);
        image.LongestChunkBytes(cancellation, request.SkipCorrupt);
        RestoreTarget target = RestoreTarget.Check(request, image, volumes, repository);
        return new RestoreCheck
        {
            Image = image.Info,
            Destination = target.Name,
            Now = target.Now,
            NowBytes = target.NowBytes,
            Valuables = target.Valuables,
            Warnings = target.Warnings,
            Confirmed = target.Instance,
        };
    }

    /// <exception cref="ImageBackupException">By id; before a byte is written if it can be told before. ChunkCorrupt stops the restore and names the offset.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a device is then partly written, a file is not there.</exception>
    public RestoreResult Run(RestoreRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        var clock = Stopwatch.StartNew();
        var warnings = new List<string>();
        // Of a server the index is read while the lock settles, if the check has not read it before.
        (ImageContent Image, IReadOnlyList<string> IndexNames)? early = _checked is { } seen && seen.Image.Info.Id == request.ImageId ? seen : null;
        _checked = null;
        var ahead = ListsAhead.Begin(repository.Files, early is null ? [StoredKind.Index] : []);
        using RepositoryLock? held = repository.LockForReading(cancellation, () =>
        {
            JitWarmup.Run();
            if (repository.Files.Traits.IsRemote)
                early ??= Load(request, ahead, cancellation);
        });
        if (held is null)
            warnings.Add($"The repository '{repository.Location}' is read-only and could not be locked: do not prune it during the restore.");
        using var stop = held is null
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellation)
            : CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            ImageContent image = early is { } found && IndexLoader.AreStillThere(repository.Files, found.IndexNames) ? found.Image : Load(request, ahead: null, stop.Token).Image;
            int longestChunkBytes = image.LongestChunkBytes(stop.Token, request.SkipCorrupt);
            RestoreTarget target = RestoreTarget.Check(request, image, volumes, repository);
            using IBlockWriter writer = target.Open(image.SizeBytes);
            warnings.AddRange(target.Warnings);
            if (image.Info.IsFuzzy)
                warnings.Add($"The image {image.Info.ShortId} of '{image.Info.Volume}' may be fuzzy: check its file system.");
            if (image.Info.ReadErrors.Count > 0)
                warnings.Add(ReadErrorWarning(image.Info));

            var copy = new RestoreCopy(repository, image, longestChunkBytes, writer, target, request);
            copy.Run(new ProgressMeter(progress, image.Info.Volume, JobPhase.Copying, image.SizeBytes), stop.Token);
            IReadOnlyList<string> cleared = target.IsFile ? [] : ClearStale(writer, image, target.Name, warnings, stop.Token);
            if (request.VerifyTarget)
            {
                writer.Flush();
                writer.DropCache();
                copy.Verify(new ProgressMeter(progress, image.Info.Volume, JobPhase.Verifying, image.SizeBytes), stop.Token);
            }
            if (writer is FileTarget file)
                file.Complete();
            else
                writer.Flush();
            if (writer is IPartitionedTarget partitioned && partitioned.RereadPartitionTable() is { } notReread)
                warnings.Add(notReread);
            return new RestoreResult
            {
                ImageId = image.Info.Id,
                Volume = image.Info.Volume,
                Destination = target.Name,
                SizeBytes = image.SizeBytes,
                WrittenBytes = copy.WrittenBytes,
                SkippedBytes = copy.SkippedBytes,
                ZeroBytes = copy.ZeroBytes,
                Verified = request.VerifyTarget ? true : null,
                CorruptRanges = copy.CorruptRanges,
                ClearedSignatures = cleared,
                Duration = clock.Elapsed,
                Warnings = warnings,
            };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held?.ThrowIfLost();
            throw;
        }
        catch (BlockWriteException e)
        {
            throw new ImageBackupException(ErrorId.WriteFailed,
                $"'{request.Destination}' could not be written at offset {e.OffsetBytes} ({e.LengthBytes} bytes): {e.Message}", request.Destination, e);
        }
        catch (BlockReadException e)
        {
            throw new ImageBackupException(ErrorId.ReadFailed,
                $"'{request.Destination}' could not be read at offset {e.OffsetBytes} ({e.LengthBytes} bytes): {e.Message}", request.Destination, e);
        }
    }

    private (ImageContent Image, IReadOnlyList<string> IndexNames) Load(RestoreRequest request, ListsAhead? ahead, CancellationToken cancellation)
    {
        (BlobIndex index, IReadOnlyList<string> indexNames) = IndexLoader.Load(repository.Files, repository.Sealers, onError: null, cancellation, ahead);
        return (ImageContent.Load(repository, request.ImageId, index, cancellation, request.SkipCorrupt), indexNames);
    }

    private static IReadOnlyList<string> ClearStale(IBlockWriter writer, ImageContent image, string name, List<string> warnings, CancellationToken cancellation)
    {
        try
        {
            return StaleSignatures.Clear(writer, image.Used, cancellation);
        }
        catch (BlockReadException e)
        {
            warnings.Add($"'{name}' could not be searched for signatures of earlier content, because offset {e.OffsetBytes} cannot be read: {e.Message} Run 'wipefs {name}'.");
            return [];
        }
    }

    private static string ReadErrorWarning(ImageBackupInfo image) =>
        $"The image {image.ShortId} of '{image.Volume}' has zeros in ranges that could not be read: {image.ReadErrors.Sum(r => r.LengthBytes)} bytes in {image.ReadErrors.Count} range(s), the first at offset {image.ReadErrors[0].OffsetBytes}.";
}
