using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Chunks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>Takes one volume to one image.</summary>
public sealed class BackupJob(ImageRepository repository, IVolumeSystem volumes)
{
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
        DateTimeOffset start = DateTimeOffset.Now;
        ImageType type = Check(request);
        var warnings = new List<string>();
        using RepositoryLock held = repository.Lock(isExclusive: false, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            // Before the volume is opened: what comes into use between its flush and the reading of its data is fuzzy.
            repository.Files.Guard(StoredKind.Pack, () => repository.Files.Storage.RemoveAbandonedUploads());
            LandedPacks landed = LandedPacks.Load(repository, held, stop.Token);
            using IBlockReader volume = volumes.OpenRead(request.Volume, type == ImageType.Static ? VolumeOpenMode.Exclusive : VolumeOpenMode.Shared);
            if (volume.LengthBytes == 0)
                throw new ImageBackupException(ErrorId.VolumeEmpty, $"The volume '{request.Volume.Name}' has a length of 0 bytes.", request.Volume.Name);
            var geometry = new ChunkGeometry(volume.LengthBytes, request.ChunkSizeBytes ?? ChunkGeometry.DefaultSizeBytes(volume.LengthBytes));
            return Run(request, type, volume, geometry, landed, start, warnings, progress, held, stop.Token);
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
    /// What can be told before anything is opened: the type that will be taken.
    /// </summary>
    /// <exception cref="ImageBackupException">NotSupported, RepositoryVersionUnsupported, VolumeInUse, ParameterInvalid.</exception>
    public ImageType Check(BackupRequest request)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        repository.ThrowIfNotWritable();
        VolumeDescription volume = request.Volume;
        if (volume.SizeBytes > 0)
            _ = new ChunkGeometry(volume.SizeBytes, request.ChunkSizeBytes ?? ChunkGeometry.DefaultSizeBytes(volume.SizeBytes));
        switch (request.ImageType)
        {
            case ImageType.Snapshot:
                throw new ImageBackupException(ErrorId.NotSupported, "No snapshot provider is built in yet: take the image as Static or Dynamic.", volume.Name);
            case ImageType.Static when volume.IsMounted:
                throw new ImageBackupException(ErrorId.VolumeInUse,
                    $"The volume '{volume.Name}' is mounted at {string.Join(", ", volume.MountPoints)}: a static image needs it unmounted.", volume.Name);
            case { } asked:
                return asked;
            default:
                return volume.IsMounted ? ImageType.Dynamic : ImageType.Static;
        }
    }

    private ImageBackupInfo Run(BackupRequest request, ImageType type, IBlockReader volume, ChunkGeometry geometry, LandedPacks landed,
        DateTimeOffset start, List<string> warnings, IProgress<JobProgress>? progress, RepositoryLock held, CancellationToken cancellation)
    {
        UsedMap map = ReadMap(request, type, volume, cancellation);
        if (type == ImageType.Dynamic)
            warnings.Add(FuzzyWarning(request.Volume, map));
        warnings.AddRange(map.Warnings);

        using var session = new BlobSession(repository.Files, repository.Sealers, landed.Index, repository.FormatVersion, held.Lost);
        session.Adopt(landed.Adopted);
        var copy = new BackupCopy(volume, geometry, map.Used, session, request.ThrottleLimit ?? Environment.ProcessorCount, request.ReadErrorLimit);
        var meter = new ProgressMeter(progress, request.Volume.Name, JobPhase.Copying, map.Used.UsedBytes, () => session.StoredBytes);
        BlobId[] chunks = copy.Run(meter, cancellation);
        SourceChange.ThrowIfChanged(request.Volume, volume);
        if (SourceChange.ReadErrorWarning(request.Volume, copy.ReadErrors) is { } unreadable)
            warnings.Add(unreadable);

        var metadata = new ImageMetadata
        {
            VolumeName = request.Volume.Name,
            DevicePath = request.Volume.DevicePath,
            VolumeKind = request.Volume.Kind,
            SizeBytes = volume.LengthBytes,
            SectorSizeBytes = volume.SectorSizeBytes,
            PhysicalSectorSizeBytes = request.Volume.PhysicalSectorSizeBytes,
            MountPoints = request.Volume.MountPoints,
            Aliases = request.Volume.Aliases,
            PartitionUuid = request.Volume.PartitionUuid,
            PartitionType = request.Volume.PartitionType,
            FileSystem = map.FileSystem,
            ImageType = type,
            RequestedImageType = request.ImageType,
            IsFuzzy = type == ImageType.Dynamic,
            Start = start,
            End = DateTimeOffset.Now,
            ChunkSizeBytes = geometry.ChunkSizeBytes,
            GapSizeBytes = request.GapSizeBytes,
            UsedBytes = map.Used.UsedBytes,
            UsedRangeCount = map.Used.Count,
            UsedMapSource = map.Source,
            LeftOut = map.LeftOut,
            ChunkCount = chunks.Length,
            NewChunkCount = copy.NewChunkCount,
            ZeroChunkCount = copy.ZeroChunkCount,
            StoredBytes = session.StoredBytes,
            ReadErrors = copy.ReadErrors,
            Warnings = warnings,
            ProgramVersion = ProgramVersion.Text,
        };
        BlobId tree = SaveTree(session, metadata, map.Used, chunks, geometry);
        session.Finish();

        metadata = metadata with { StoredBytes = session.StoredBytes, End = DateTimeOffset.Now };
        var snapshot = new SnapshotFile
        {
            Time = start,
            Tree = tree,
            Paths = [request.Volume.Name],
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
        meter.Report();
        return ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location);
    }

    private static UsedMap ReadMap(BackupRequest request, ImageType type, IBlockReader volume, CancellationToken cancellation)
    {
        bool isLive = type == ImageType.Dynamic && request.Volume.IsMounted;
        return UsedMap.Read(volume, new UsedMapOptions
        {
            GapSizeBytes = request.GapSizeBytes,
            IncludePageFile = request.IncludePageFile,
            IsLive = isLive,
            // A flush reaches the kernel's memory; a driver in user space keeps its own.
            IsFlushed = isLive && volume is IFlushedReader { IsFlushed: true }
                && request.Volume.MountedFileSystem?.StartsWith("fuse", StringComparison.OrdinalIgnoreCase) != true,
            MountedFileSystem = request.Volume.MountedFileSystem,
        }, cancellation);
    }

    private static string FuzzyWarning(VolumeDescription volume, UsedMap map)
    {
        string what = map.Source is null
            ? ""
            : " Blocks that came into use after its map was read, when the copy began, are missing in it.";
        return $"'{volume.Name}' was copied while it could be written to: the image may be fuzzy.{what} Check its file system after a restore.";
    }

    private static BlobId SaveTree(BlobSession session, ImageMetadata metadata, UsedRanges used, BlobId[] chunks, ChunkGeometry geometry)
    {
        using BlobLane lane = session.OpenLane();
        DateTimeOffset time = metadata.Start;
        TreeNode[] nodes =
        [
            ImageFiles.Save(lane, ImageFiles.Metadata, ImageMetadataJson.Write(metadata), time),
            ImageFiles.Save(lane, ImageFiles.UsedRanges, UsedRangesFile.Write(used), time),
            new TreeNode { Name = ImageFiles.Volume, Type = "file", SizeBytes = geometry.VolumeBytes, Time = time, Content = chunks },
        ];
        byte[] json = TreeFile.Write(nodes);
        BlobId tree = BlobId.Of(json);
        lane.Save(BlobType.Tree, tree, json);
        lane.Flush();
        return tree;
    }
}
