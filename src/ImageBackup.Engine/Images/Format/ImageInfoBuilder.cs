using System;
using System.Linq;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Engine.Images.Format;

/// <summary>Makes what users see of an image from what lies in the repository.</summary>
internal static class ImageInfoBuilder
{
    public static ImageBackupInfo Build(string id, SnapshotRecord snapshot, ImageMetadata metadata, string location) => new()
    {
        Id = id,
        Volume = metadata.VolumeName,
        VolumeId = metadata.VolumeId!,
        Identity = metadata.Identity ?? (metadata.VolumeId is null ? OldImageIdentity.Of(metadata) : VolumeIdentity.None),
        ComputerName = snapshot.HostName,
        UserName = snapshot.UserName,
        BackupTime = snapshot.Time.LocalDateTime,
        Duration = metadata.End - metadata.Start,
        SizeBytes = metadata.SizeBytes,
        UsedBytes = metadata.UsedBytes,
        StoredBytes = metadata.StoredBytes,
        ChunkCount = metadata.ChunkCount,
        NewChunkCount = metadata.NewChunkCount,
        ZeroChunkCount = metadata.ZeroChunkCount,
        ChunkSizeBytes = metadata.ChunkSizeBytes,
        SectorSizeBytes = metadata.SectorSizeBytes,
        FileSystem = metadata.FileSystem?.Type,
        Label = metadata.FileSystem?.Label,
        Uuid = metadata.FileSystem?.Uuid,
        PartitionUuid = metadata.PartitionUuid,
        PartitionLabel = metadata.PartitionLabel,
        MountPoints = metadata.MountPoints,
        Aliases = metadata.Aliases,
        DevicePath = metadata.DevicePath,
        VolumeKind = metadata.VolumeKind,
        ClusterSizeBytes = metadata.FileSystem?.ClusterSizeBytes,
        FileSystemUsedBytes = metadata.FileSystem?.UsedBytes,
        IsClean = metadata.FileSystem?.IsClean,
        GapSizeBytes = metadata.GapSizeBytes,
        UsedMapSource = metadata.UsedMapSource,
        Omitted = metadata.Omitted,
        ImageType = metadata.ImageType,
        RequestedImageType = metadata.RequestedImageType,
        IsFuzzy = metadata.IsFuzzy,
        SnapshotProvider = metadata.SnapshotProvider,
        FailoverReason = metadata.FailoverReason,
        SnapshotTime = metadata.SnapshotTime?.LocalDateTime,
        SnapshotCacheBytes = metadata.SnapshotCacheBytes,
        SnapshotCacheUsedBytes = metadata.SnapshotCacheUsedBytes,
        QuiescedBy = metadata.QuiescedBy,
        ManagementClass = metadata.ManagementClass,
        Retention = metadata.Retention,
        Rule = metadata.Rule,
        Options = metadata.Options,
        Tags = snapshot.Tags.Where(t => t != ImageTag.Name).ToArray(),
        IsPinned = snapshot.Tags.Contains(ImageTag.Pinned),
        Description = snapshot.Description,
        RecordedTime = snapshot.Time,
        ReadErrors = metadata.ReadErrors,
        Warnings = metadata.Warnings,
        ProgramVersion = snapshot.ProgramVersion ?? metadata.ProgramVersion,
        Repository = location,
    };

    /// <summary>An image that restic made: all it tells is a file and its size.</summary>
    public static ImageBackupInfo BuildForeign(string id, SnapshotRecord snapshot, string path, long sizeBytes, string location) => new()
    {
        Id = id,
        Volume = snapshot.Paths.Count == 1 ? snapshot.Paths[0] : path,
        ComputerName = snapshot.HostName,
        UserName = snapshot.UserName,
        BackupTime = snapshot.Time.LocalDateTime,
        SizeBytes = sizeBytes,
        UsedBytes = sizeBytes,
        Tags = snapshot.Tags,
        IsPinned = snapshot.Tags.Contains(ImageTag.Pinned),
        Description = snapshot.Description,
        RecordedTime = snapshot.Time,
        ProgramVersion = snapshot.ProgramVersion,
        Repository = location,
        IsOurs = false,
    };
}
