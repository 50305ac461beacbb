using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Backup;

/// <summary>Makes an image of copied chunks: image.json and the other files of its tree, then the snapshot record.</summary>
/// <param name="repository">Where the image goes.</param>
/// <param name="run">The backup.</param>
/// <param name="source">How the volume was taken.</param>
/// <param name="volume">The volume and its map.</param>
/// <param name="copied">Its chunks.</param>
internal sealed class ImageRecorder(ImageRepository repository, BackupRun run, BackupSource source, MappedVolume volume, CopiedChunks copied)
{
    /// <summary>The image exists when this returns; until its last step nothing refers to what was written.</summary>
    public ImageBackupInfo Record(BackupAttempt attempt, CancellationToken cancellation)
    {
        RepositoryWriter session = attempt.Session;
        ImageMetadata metadata = Describe(session.StoredBytes);
        BlobId tree = SaveTree(session, ref metadata);
        session.Finish();
        metadata = metadata with { StoredBytes = session.StoredBytes, End = DateTimeOffset.Now };
        SnapshotRecord snapshot = SnapshotOf(tree, metadata);
        // The last moment at which a lost lock can be noticed: from here on, the image exists.
        attempt.Lock.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        string id = repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), repository.FormatVersion, repository.Sealers);
        return ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location) with { IsFirst = run.History.Newest is null };
    }

    private ImageMetadata Describe(long storedBytes)
    {
        BackupRequest request = run.Request;
        VolumeDescription description = request.Volume;
        UsedMap map = volume.Map;
        return new ImageMetadata
        {
            VolumeName = description.Name,
            VolumeId = run.VolumeId,
            Identity = run.Identity,
            DevicePath = description.DevicePath,
            VolumeKind = description.Kind,
            SizeBytes = volume.Geometry.VolumeBytes,
            SectorSizeBytes = volume.SectorSizeBytes,
            PhysicalSectorSizeBytes = description.PhysicalSectorSizeBytes,
            MountPoints = description.MountPoints,
            Aliases = description.Aliases,
            PartitionUuid = description.PartitionUuid,
            PartitionType = description.PartitionType,
            PartitionLabel = description.PartitionLabel,
            FileSystem = map.FileSystem,
            ImageType = source.Type,
            RequestedImageType = request.Plan is { } plan ? plan.Options.ImageType.Value : request.ImageType,
            IsFuzzy = source.Type == ImageType.Dynamic,
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
            SnapshotWriters = source.Writers,
            Start = run.Start,
            End = DateTimeOffset.Now,
            ChunkSizeBytes = volume.Geometry.ChunkSizeBytes,
            GapSizeBytes = request.GapSizeBytes,
            UsedBytes = map.Used.UsedBytes,
            UsedRangeCount = map.Used.Count,
            UsedMapSource = map.Source,
            Omitted = map.Omitted,
            ChunkCount = copied.Ids.Length,
            NewChunkCount = copied.NewChunkCount,
            ZeroChunkCount = copied.ZeroChunkCount,
            StoredBytes = storedBytes,
            ReadErrors = copied.ReadErrors,
            Warnings = run.Warnings,
            ProgramVersion = ProgramVersion.Text,
        };
    }

    /// <summary>Saves the image's files. The tags come first: image.json names them.</summary>
    private BlobId SaveTree(RepositoryWriter session, ref ImageMetadata metadata)
    {
        using BlobWriter lane = session.OpenLane(isOfSmallFiles: true);
        TreeNode? tags = copied.Changes is { } changes ? SaveTags(lane, changes) : null;
        metadata = metadata with { ChunkTags = tags?.Subtree.ToString() };
        List<TreeNode> nodes =
        [
            ImageFiles.Save(lane, ImageFiles.Metadata, ImageMetadataJson.Write(metadata), run.Start),
            ImageFiles.Save(lane, ImageFiles.UsedRanges, UsedRangesFile.Write(volume.Map.Used), run.Start),
            new TreeNode { Name = ImageFiles.Volume, Type = "file", SizeBytes = volume.Geometry.VolumeBytes, Time = run.Start, Content = copied.Ids },
        ];
        if (tags is not null)
            nodes.Add(tags);
        if (source.Documents.Count > 0)
            nodes.Add(SaveDocuments(lane));
        BlobId tree = ImageFiles.SaveTree(lane, nodes);
        lane.Flush();
        return tree;
    }

    private TreeNode SaveTags(BlobWriter lane, ChangeDetector changes)
    {
        IEnumerable<ArraySegment<byte>> parts = ChunkTagsFile.WriteParts(changes.Header, copied.Ids, changes.Tags).Prepend(new ArraySegment<byte>(ChunkTagsFile.Write(changes.Header)));
        TreeNode file = ImageFiles.Save(lane, ImageFiles.ChunkTags, parts, run.Start);
        return ImageFiles.SaveFolder(lane, ImageFiles.ChunkTagsFolder, [file], run.Start);
    }

    private TreeNode SaveDocuments(BlobWriter lane) => ImageFiles.SaveFolder(lane, ImageFiles.SnapshotFolder(source.Provider ?? "snapshot"),
        source.Documents.Select(document => (document.Name, document.Content)), run.Start);

    private SnapshotRecord SnapshotOf(BlobId tree, ImageMetadata metadata) => new()
    {
        Time = run.Start,
        Tree = tree,
        Parent = copied.Changes?.ParentId,
        Paths = [run.VolumeId],
        HostName = run.ComputerName,
        UserName = Environment.UserName,
        Tags = run.Request.Tags.Where(t => t != ImageTag.Name).Prepend(ImageTag.Name).Distinct(StringComparer.Ordinal).ToArray(),
        ProgramVersion = ProgramVersion.Text,
        Summary = ImageMetadataJson.WriteSummary(metadata),
    };
}
