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
        // The index is read, and the first packs, while the lock settles.
        (ImageContent Image, IReadOnlyList<string> IndexNames)? early = _checked is { } seen && seen.Image.Info.Id == request.ImageId ? seen : null;
        _checked = null;
        var ahead = ListsAhead.Begin(repository.Files, early is null ? [StoredKind.Index] : []);
        using RepositoryLock? held = repository.BeginLockForReading();
        JitWarmup.Begin();
        if (held is null)
            warnings.Add($"The repository '{repository.Location}' is read-only and could not be locked: do not prune it during the restore.");
        using var stop = held is null
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellation)
            : CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            (ImageContent image, IReadOnlyList<string> indexNames) = early ?? Load(request, ahead, stop.Token);
            // This one changes the target when it is opened.
            bool isEarly = !request.SkipUnchanged;
            if (!isEarly && !IsStill(held, indexNames, stop.Token))
                image = Load(request, ahead: null, stop.Token).Image;
            RestoreTarget target = RestoreTarget.Check(request, image, volumes, repository);
            using IBlockWriter writer = target.Open(image.SizeBytes);
            warnings.AddRange(target.Warnings);
            if (image.Info.IsFuzzy)
                warnings.Add($"The image {image.Info.ShortId} of '{image.Info.Volume}' may be fuzzy: check its file system.");
            if (image.Info.ReadErrors.Count > 0)
                warnings.Add(ReadErrorWarning(image.Info));

            var meter = new ProgressMeter(progress, image.Info.Volume, JobPhase.Copying, image.SizeBytes);
            RestoreCopy copy = NewCopy(isEarly ? () => ThrowUnlessStill(held, indexNames, stop.Token) : null);
            try
            {
                copy.Run(meter, stop.Token);
            }
            catch (IndexChangedException)
            {
                image = Load(request, ahead: null, stop.Token).Image;
                copy = NewCopy(beforeWriting: null);
                copy.Run(meter, stop.Token);
            }
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

            RestoreCopy NewCopy(Action? beforeWriting) =>
                new(repository, image, image.LongestChunkBytes(stop.Token, request.SkipCorrupt), writer, target, request) { BeforeWriting = beforeWriting };
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

    /// <summary>Waits until the lock stands; whether all is there still that was found by these index files.</summary>
    private bool IsStill(RepositoryLock? held, IReadOnlyList<string> indexNames, CancellationToken cancellation)
    {
        held?.Settle(cancellation);
        return IndexLoader.AreStillThere(repository.Files, indexNames);
    }

    private void ThrowUnlessStill(RepositoryLock? held, IReadOnlyList<string> indexNames, CancellationToken cancellation)
    {
        if (!IsStill(held, indexNames, cancellation))
            throw new IndexChangedException();
    }

    /// <summary>Somebody who held the repository until our lock stood has removed what was read. Nothing has been written.</summary>
    private sealed class IndexChangedException() : Exception("The index was replaced while the lock settled.");

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
