using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>The newest image of a volume before a backup: by the volume's identity, whatever it was called then.</summary>
/// <param name="Id">The snapshot record's full id.</param>
/// <param name="Time">Its time.</param>
/// <param name="Metadata">What it says of itself.</param>
/// <param name="LaterTime">The latest time of an image of the volume, if that is later than the backup's own: a clock is or was wrong.</param>
internal sealed record PreviousImage(string Id, DateTimeOffset Time, ImageMetadata Metadata, DateTimeOffset? LaterTime)
{
    /// <summary>Finds the id to file a volume's image under, and the image before.</summary>
    /// <param name="repository">Where to look.</param>
    /// <param name="traces">What is known of its snapshots.</param>
    /// <param name="query">Which volume it is.</param>
    /// <param name="now">When the backup began.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="ImageBackupException">The snapshots cannot be listed, or the last one cannot be read.</exception>
    public static VolumeHistory Find(ImageRepository repository, SnapshotHeaderCache traces, VolumeHistoryQuery query, DateTimeOffset now, CancellationToken cancellation)
    {
        VolumeIdentity identity = query.Identity;
        string volumeId = identity.StableName ?? query.VolumeName;
        // A snapshot that cannot be read is another matter.
        List<SnapshotHeaderCache.Trace> images =
        [
            .. traces.ReadOnce(onFailure: null, cancellation).Where(trace => trace.IsImage && string.Equals(trace.HostName, query.ComputerName, StringComparison.OrdinalIgnoreCase)),
        ];
        List<SnapshotHeaderCache.Trace> ImagesOf(string path) => [.. images.Where(trace => trace.Path == path)];
        PreviousImage? NewestOf(string path, Func<ImageMetadata, bool> isUsable) => Newest(repository, ImagesOf(path), now, isUsable);
        VolumeHistory History(string id, string path, PreviousImage? newest) => new(id, newest) { Parent = ParentOf(repository, ImagesOf(path), newest, query.ChunkSizeBytes) };
        if (identity.StableNameOfClone is { } cloneId && images.Exists(trace => trace.Path == cloneId))
            return History(cloneId, cloneId, NewestOf(cloneId, _ => true));
        if (NewestOf(volumeId, _ => true) is { } newest)
        {
            bool isOfOther = query.HasTwins && newest.Metadata.Identity?.Find(IdentityFactKind.Hardware) is { } disk && disk != identity.Find(IdentityFactKind.Hardware);
            return History(isOfOther ? identity.StableNameOfClone ?? volumeId : volumeId, volumeId, newest);
        }
        // Of before images had ids: the name, unless what the image says shows another volume.
        return History(volumeId, query.VolumeName, volumeId == query.VolumeName ? null
            : NewestOf(query.VolumeName, metadata => metadata.VolumeId is null && OldImageIdentity.Of(metadata).CompareTo(identity).Verdict != IdentityVerdict.Different));
    }

    /// <summary>An image that a wrong clock dated into the future comes last: its time does not tell which is the newest.</summary>
    private static PreviousImage? Newest(ImageRepository repository, List<SnapshotHeaderCache.Trace> traces, DateTimeOffset now, Func<ImageMetadata, bool> isUsable)
    {
        if (traces.Count == 0)
            return null;
        DateTimeOffset last = traces.Max(trace => trace.Time);
        SnapshotHeaderCache.Trace newest = traces.OrderBy(trace => trace.Time > now).ThenByDescending(trace => trace.Time).First();
        return MetadataOf(repository, newest) is { } metadata && isUsable(metadata) ? new PreviousImage(newest.Id, newest.Time, metadata, last > now ? last : null) : null;
    }

    /// <summary>So many images of a volume are looked through for one in the chunk size that was asked for: an older one has little that is still so.</summary>
    private const int ParentSearchCount = 16;

    /// <summary>
    /// The image whose chunk tags are of use. If the newest has another chunk size, its tags say nothing of the chunks that are made now; those of
    /// the newest in that size do. A volume may have a size by night and another one by hand.
    /// </summary>
    private static PreviousImage? ParentOf(ImageRepository repository, List<SnapshotHeaderCache.Trace> traces, PreviousImage? newest, int? chunkSizeBytes)
    {
        if (newest is null || chunkSizeBytes is null || newest.Metadata.ChunkSizeBytes == chunkSizeBytes)
            return newest;
        foreach (SnapshotHeaderCache.Trace trace in traces.Where(trace => trace.Time < newest.Time).OrderByDescending(trace => trace.Time).Take(ParentSearchCount))
        {
            try
            {
                if (MetadataOf(repository, trace) is { } metadata && metadata.ChunkSizeBytes == chunkSizeBytes)
                    return new PreviousImage(trace.Id, trace.Time, metadata, LaterTime: null);
            }
            catch (ImageBackupException)
            {
                // Only a shortcut: the backup goes on without it.
            }
        }
        return newest;
    }

    private static ImageMetadata? MetadataOf(ImageRepository repository, SnapshotHeaderCache.Trace trace) =>
        ImageContent.LoadSnapshot(repository, trace.Id).Summary is { } summary ? ImageMetadataJson.Read(summary) : null;

    /// <summary>In words what the image after it should say: another file system is there, a clock is wrong.</summary>
    public IEnumerable<string> Remarks(string volumeName, VolumeIdentity identity)
    {
        IdentityFact? before = (Metadata.Identity ?? OldImageIdentity.Of(Metadata)).FileSystem;
        if (before?.Value != identity.FileSystem?.Value)
        {
            yield return $"The file system of '{volumeName}' is another than in the image before, {DisplayText.ShortId(Id)} of {DisplayText.Minute(Time.LocalDateTime)}: "
                + $"{before?.Value ?? "none"} then, {identity.FileSystem?.Value ?? "none"} now. The place is the same, so this image continues the volume's history.";
        }
        if (LaterTime is { } later)
        {
            yield return $"An image of '{volumeName}' is dated {DisplayText.Minute(later.UtcDateTime)} UTC, after this one: a clock is or was wrong. "
                + "Until that time has passed, this image is listed before it, and restic's 'latest' is not this image.";
        }
    }
}
