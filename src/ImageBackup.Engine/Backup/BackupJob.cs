using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup;

/// <summary>Takes one volume to one image.</summary>
/// <param name="repository">Where the image goes.</param>
/// <param name="volumes">The system's volumes.</param>
/// <param name="providers">The snapshot providers to choose from; null: none.</param>
/// <param name="events">The machine's logs; null: none.</param>
internal sealed class BackupJob(ImageRepository repository, IVolumeSystem volumes, SnapshotProviders? providers = null, EventLog? events = null)
{
    private readonly EventLog _events = events ?? EventLog.Silent;
    private readonly SnapshotProviders _providers = providers ?? new SnapshotProviders([]);

    /// <summary>Lines about what is being done, for -Verbose; any thread.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Warnings that the user needs before the copy ends: a volume in use became read-only. Any thread.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>What is known of the repository's snapshots already.</summary>
    public SnapshotHeaderCache Traces { get; init; } = new(repository);

    private VolumeQuiescer Taker => new(volumes, _providers, _events, Tell ?? (_ => { }), Warn);

    /// <summary>
    /// Runs the backup. Holds a non-exclusive lock on the repository and the volume open while it runs; both are
    /// undone on every way out. On failure or cancellation nothing refers to what was written; the next backup
    /// reuses it.
    /// </summary>
    /// <exception cref="ImageBackupException">By id; see <see cref="ErrorTable"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageBackupInfo Run(BackupRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        try
        {
            ImageBackupInfo image = RunLocked(request, progress, cancellation);
            Log(image);
            return image;
        }
        catch (ImageBackupException e)
        {
            _events.Write(EventId.BackupFailed, $"The backup of '{request.Volume.Name}' failed: {e.Message}", request.Volume.Name, e.Id.ToString());
            throw;
        }
    }

    private ImageBackupInfo RunLocked(BackupRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        DateTimeOffset start = DateTimeOffset.Now;
        _ = Plan(request);
        var warnings = new List<string>();
        // It settles while the work begins: see BackupAttempt.
        using RepositoryLock held = repository.BeginLock();
        JitWarmup.Begin();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            // Before the volume is taken: blocks that come into use between its flush and the reading of its data are fuzzy, and
            // no program should wait for a quiesced volume while an index is loaded.
            repository.Files.Guard(StoredKind.Pack, () => repository.Files.Storage.RemoveAbandonedUploads());
            string volumeId = request.Volume.Name;
            PreviousImage? previous = null;
            BackupAttempt Begin() => new(repository, held, index =>
            {
                (volumeId, previous) = FindPrevious(request, start, stop.Token);
                return previous is not null && Gmac.IsSupported ? ParentImage.Open(repository, previous, index, Tell ?? (_ => { })) : null;
            }, stop.Token);
            using BackupAttempt first = Begin();
            using BackupSource source = Taker.Take(request, [repository.Location], warnings, stop.Token);
            using var copyStop = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, source.Lost);
            try
            {
                IBlockReader volume = source.Reader;
                if (volume.LengthBytes == 0)
                    throw new ImageBackupException(ErrorId.VolumeEmpty, $"The volume '{request.Volume.Name}' has a length of 0 bytes.", request.Volume.Name);
                var geometry = new ChunkGeometry(volume.LengthBytes, request.ChunkSizeBytes ?? ChunkGeometry.DefaultSizeBytes(volume.LengthBytes));
                UsedMap map = ReadMap(request, source, copyStop.Token);
                if (source.Type == ImageType.Dynamic)
                    warnings.Add(FuzzyWarning(request.Volume, map));
                warnings.AddRange(map.Warnings);
                VolumeIdentity identity = request.Volume.Identity.WithFileSystem(map.FileSystem?.Type, map.FileSystem?.Uuid);
                // The caller did not look at the volume: its content may be all that says which one it is.
                if (request.Identity is null && identity.StableName != request.Volume.Identity.StableName)
                    (volumeId, previous) = FindPrevious(request with { Identity = identity }, start, stop.Token);
                string fileUnder = volumeId;
                if (request.Twins.Count > 0)
                    warnings.Add(TwinWarning(request));
                if (previous is not null)
                    warnings.AddRange(previous.Remarks(request.Volume.Name, identity));
                foreach (string sign in UseElsewhere.Find(request.Volume, UseElsewhere.Read(volume), volumes))
                    warnings.Add($"Another computer may be using '{request.Volume.Name}' (MaybeInUseElsewhere): {sign}. If so, the image may be fuzzy.");
                try
                {
                    return Run(request, identity, fileUnder, source, geometry, map, first, start, warnings, progress, held, copyStop.Token);
                }
                catch (RepositoryChangedException e)
                {
                    Tell?.Invoke($"{request.Volume.Name}: {e.Message} The copy begins again.");
                    using BackupAttempt second = Begin();
                    return Run(request, identity, fileUnder, source, geometry, map, second, start, warnings, progress, held, copyStop.Token);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or BlockReadException && !stop.IsCancellationRequested)
            {
                // A lost snapshot shows itself as unreadable blocks; the snapshot is the cause.
                source.ThrowIfSpoiled();
                throw;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held.ThrowIfLost();
            throw;
        }
        catch (BlockReadException e)
        {
            throw SourceChange.Failure(request.Volume, e);
        }
    }

    /// <summary>
    /// What can be told before anything is opened: the type that will be tried, and by whom.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// RepositoryVersionUnsupported, ParameterInvalid, SnapshotProviderNotFound, SnapshotUnavailable.
    /// </exception>
    public BackupPreview Plan(BackupRequest request)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        repository.ThrowIfNotWritable();
        VolumeDescription volume = request.Volume;
        if (volume.SizeBytes > 0)
            _ = new ChunkGeometry(volume.SizeBytes, request.ChunkSizeBytes ?? ChunkGeometry.DefaultSizeBytes(volume.SizeBytes));
        return Taker.Plan(request);
    }

    /// <summary>
    /// Takes one snapshot set for all volumes that are to be taken by snapshot, if their provider takes sets. Each of its
    /// <see cref="SharedSnapshots.Requests"/> is then run, and its end told by <see cref="SharedSnapshots.End"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public SharedSnapshots Share(IReadOnlyList<BackupRequest> requests, CancellationToken cancellation)
    {
        if (requests is null)
            throw new ArgumentNullException(nameof(requests));
        repository.ThrowIfNotWritable();
        return SharedSnapshots.Take(requests, Taker, _events, Tell ?? (_ => { }), cancellation);
    }

    private void Log(ImageBackupInfo image)
    {
        _events.Write(EventId.ImageTaken, $"The image {image.ShortId} of '{image.Volume}' was taken as {image.ImageType} image.", image.Volume);
        if (image.IsFuzzy)
            _events.Write(EventId.ImageFuzzy, $"The image {image.ShortId} of '{image.Volume}' was taken while programs could write to it.", image.Volume);
        foreach (string warning in image.Warnings)
            _events.Write(EventId.ImageWarning, $"The image {image.ShortId} of '{image.Volume}': {warning}", image.Volume);
    }

    private ImageBackupInfo Run(BackupRequest request, VolumeIdentity identity, string volumeId, BackupSource source, ChunkGeometry geometry, UsedMap map, BackupAttempt attempt,
        DateTimeOffset start, List<string> warnings, IProgress<JobProgress>? progress, RepositoryLock held, CancellationToken cancellation)
    {
        IBlockReader volume = source.Reader;
        ImageType type = source.Type;
        // Asked now: a quiesced volume is given back before the image is recorded.
        int sectorSizeBytes = volume.SectorSizeBytes;
        (BlobId[] chunks, BackupCopy copy) = attempt.Run(request, volume, geometry, map.Used, warnings, progress, cancellation);
        RepositoryWriter session = attempt.Session;
        ChangeDetector? tagging = attempt.Tagging;
        SourceChange.ThrowIfChanged(request.Volume, volume);
        if (SourceChange.ReadErrorWarning(request.Volume, copy.ReadErrors) is { } unreadable)
            warnings.Add(unreadable);
        source.ThrowIfSpoiled();
        warnings.AddRange(source.EndReading());

        var metadata = new ImageMetadata
        {
            VolumeName = request.Volume.Name,
            VolumeId = volumeId,
            Identity = identity,
            DevicePath = request.Volume.DevicePath,
            VolumeKind = request.Volume.Kind,
            SizeBytes = geometry.VolumeBytes,
            SectorSizeBytes = sectorSizeBytes,
            PhysicalSectorSizeBytes = request.Volume.PhysicalSectorSizeBytes,
            MountPoints = request.Volume.MountPoints,
            Aliases = request.Volume.Aliases,
            PartitionUuid = request.Volume.PartitionUuid,
            PartitionType = request.Volume.PartitionType,
            PartitionLabel = request.Volume.PartitionLabel,
            FileSystem = map.FileSystem,
            ImageType = type,
            RequestedImageType = request.Plan is { } plan ? plan.Options.ImageType.Value : request.ImageType,
            IsFuzzy = type == ImageType.Dynamic,
            ManagementClass = request.Plan?.ManagementClass.Name,
            Retention = request.Plan?.ManagementClass.Retention,
            Rule = request.Plan?.Rule,
            Options = request.Plan?.Decided ?? [],
            SnapshotProvider = source.Provider,
            FailoverReason = source.FailoverReason,
            SnapshotTime = source.SnapshotTime,
            SnapshotCacheBytes = source.State?.CacheBytes,
            SnapshotCacheUsedBytes = source.State?.CacheUsedBytes,
            QuiescedBy = source.QuiescedBy,
            Start = start,
            End = DateTimeOffset.Now,
            ChunkSizeBytes = geometry.ChunkSizeBytes,
            GapSizeBytes = request.GapSizeBytes,
            UsedBytes = map.Used.UsedBytes,
            UsedRangeCount = map.Used.Count,
            UsedMapSource = map.Source,
            Omitted = map.Omitted,
            ChunkCount = chunks.Length,
            NewChunkCount = copy.NewChunkCount,
            ZeroChunkCount = copy.ZeroChunkCount,
            StoredBytes = session.StoredBytes,
            ReadErrors = copy.ReadErrors,
            Warnings = warnings,
            ProgramVersion = ProgramVersion.Text,
        };
        BlobId tree;
        using (BlobWriter lane = session.OpenLane())
        {
            TreeNode? tags = tagging is null ? null : SaveTags(lane, tagging, chunks, start);
            metadata = metadata with { ChunkTags = tags?.Subtree.ToString() };
            tree = SaveTree(lane, metadata, map.Used, chunks, geometry, tags, source.Documents);
            lane.Flush();
        }
        session.Finish();

        metadata = metadata with { StoredBytes = session.StoredBytes, End = DateTimeOffset.Now };
        var snapshot = new SnapshotRecord
        {
            Time = start,
            Tree = tree,
            Parent = tagging?.ParentId,
            Paths = [volumeId],
            HostName = request.ComputerName ?? LocalHost.Name,
            UserName = Environment.UserName,
            Tags = request.Tags.Where(t => t != ImageTag.Name).Prepend(ImageTag.Name).Distinct(StringComparer.Ordinal).ToArray(),
            ProgramVersion = ProgramVersion.Text,
            Summary = ImageMetadataJson.WriteSummary(metadata),
        };
        // The last moment at which a lost lock can be noticed: from here on, the image exists.
        held.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        string id = repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), repository.FormatVersion, repository.Sealers);
        attempt.Meter?.Report();
        ImageBackupInfo image = ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location);
        return source.Complete() is { Count: > 0 } late ? image with { Warnings = [.. image.Warnings, .. late] } : image;
    }

    private static UsedMap ReadMap(BackupRequest request, BackupSource source, CancellationToken cancellation)
    {
        bool isLive = source.IsLive;
        return UsedMap.Read(source.Reader, new UsedMapOptions
        {
            GapSizeBytes = request.GapSizeBytes,
            IncludePageFile = request.IncludePageFile,
            IsLive = isLive,
            // A flush reaches the kernel's memory; a driver in user space keeps its own.
            IsFlushed = isLive && source.Reader is IFlushedReader { IsFlushed: true }
                && request.Volume.MountedFileSystem?.StartsWith("fuse", StringComparison.OrdinalIgnoreCase) != true,
            MountedFileSystem = request.Volume.MountedFileSystem,
        }, cancellation);
    }

    private static string FuzzyWarning(VolumeDescription volume, UsedMap map)
    {
        string what = map.Source is null
            ? ""
            : " Blocks that came into use after its map was read, when the copy began, are missing in it.";
        return $"'{volume.Name}' was copied while programs could write to it: the image may be fuzzy.{what} Check its file system after a restore.";
    }

    private (string VolumeId, PreviousImage? Image) FindPrevious(BackupRequest request, DateTimeOffset start, CancellationToken cancellation)
    {
        VolumeIdentity identity = request.Identity ?? request.Volume.Identity;
        try
        {
            return PreviousImage.Find(repository, Traces, request.ComputerName ?? LocalHost.Name, request.Volume.Name, identity, request.Twins.Count > 0, start, cancellation);
        }
        catch (ImageBackupException e)
        {
            Tell?.Invoke($"The last image of '{request.Volume.Name}' cannot be read, so every chunk is hashed: {e.Message}");
            return (identity.StableName ?? request.Volume.Name, null);
        }
    }

    private static string TwinWarning(BackupRequest request) =>
        $"'{request.Volume.Name}' has the same identity as {string.Join(" and ", request.Twins)}: a clone. Only the disk that each lies on tells them apart: if the disk is not known, images of both are filed as one volume and expire each other. "
        + "Give one of them new ids, or detach it.";

    private static TreeNode SaveTags(BlobWriter lane, ChangeDetector tagging, BlobId[] chunks, DateTimeOffset time)
    {
        IEnumerable<byte[]> parts = ChunkTagsFile.WriteParts(tagging.Header, chunks, tagging.Tags).Prepend(ChunkTagsFile.Write(tagging.Header));
        TreeNode file = ImageFiles.Save(lane, ImageFiles.ChunkTags, parts.Select(part => new ArraySegment<byte>(part)), time);
        return ImageFiles.SaveFolder(lane, ImageFiles.ChunkTagsFolder, [file], time);
    }

    private static BlobId SaveTree(BlobWriter lane, ImageMetadata metadata, UsedRanges used, BlobId[] chunks, ChunkGeometry geometry,
        TreeNode? tags, IReadOnlyList<SnapshotDocument> documents)
    {
        DateTimeOffset time = metadata.Start;
        List<TreeNode> nodes =
        [
            ImageFiles.Save(lane, ImageFiles.Metadata, ImageMetadataJson.Write(metadata), time),
            ImageFiles.Save(lane, ImageFiles.UsedRanges, UsedRangesFile.Write(used), time),
            new TreeNode { Name = ImageFiles.Volume, Type = "file", SizeBytes = geometry.VolumeBytes, Time = time, Content = chunks },
        ];
        if (tags is not null)
            nodes.Add(tags);
        if (documents.Count > 0)
        {
            nodes.Add(ImageFiles.SaveFolder(lane, ImageFiles.SnapshotFolder(metadata.SnapshotProvider ?? "snapshot"),
                documents.Select(document => (document.Name, document.Content)), time));
        }
        return ImageFiles.SaveTree(lane, nodes);
    }
}
