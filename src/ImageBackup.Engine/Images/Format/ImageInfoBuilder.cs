using System;
using System.Linq;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Engine.Images.Format;

/// <summary>Makes what users see of an image from what lies in the repository.</summary>
internal static class ImageInfoBuilder
{
    public static ImageBackupInfo Build(string id, SnapshotRecord snapshot, ImageMetadata metadata, string location) => new(metadata)
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
        FileSystem = metadata.FileSystem?.Type,
        Label = metadata.FileSystem?.Label,
        Uuid = metadata.FileSystem?.Uuid,
        ClusterSizeBytes = metadata.FileSystem?.ClusterSizeBytes,
        FileSystemUsedBytes = metadata.FileSystem?.UsedBytes,
        IsClean = metadata.FileSystem?.IsClean,
        SnapshotTime = metadata.SnapshotTime?.LocalDateTime,
        Tags = snapshot.Tags.Where(t => t != ImageTag.Name).ToArray(),
        IsPinned = snapshot.Tags.Contains(ImageTag.Pinned),
        Description = snapshot.Description,
        RecordedTime = snapshot.Time,
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
