using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>Collects what there is to know of a repository. Takes no lock: the figures may be of moments that lie seconds apart.</summary>
internal sealed class RepositorySurvey(ImageRepository repository, RepositoryMemory memory, Action<string> onWarning)
{
    /// <summary>A file that cannot be read is warned of and left out.</summary>
    /// <exception cref="ImageBackupException">A storage failure: the repository is gone, or may not be read.</exception>
    public RepositoryInfo Run(CancellationToken cancellation)
    {
        var bytes = new Dictionary<StoredKind, (int Count, long Bytes)>();
        foreach (StoredKind kind in new[] { StoredKind.Config, StoredKind.Key, StoredKind.Lock, StoredKind.Snapshot, StoredKind.Index, StoredKind.Pack })
        {
            int count = 0;
            long sum = 0;
            foreach (StoredFile file in repository.Files.List(kind))
            {
                cancellation.ThrowIfCancellationRequested();
                count++;
                sum += file.LengthBytes;
            }
            bytes.Add(kind, (count, sum));
        }
        long storedBytes = bytes.Values.Sum(kind => kind.Bytes);
        long? rawBytes = RawBytes(cancellation);
        IReadOnlyList<ImageBackupInfo> images = new ImageCatalog(repository).List(
            new ImageFilter { IncludeInactive = true }, failure => onWarning(failure.Message), cancellation);
        // A time that cannot be says nothing of the oldest or the newest.
        List<DateTime> times = [.. images.Where(image => !image.IsTimeImpossible).Select(image => image.BackupTime)];
        return new RepositoryInfo
        {
            Location = repository.Location,
            Id = repository.Id,
            FormatVersion = repository.FormatVersion,
            StoredBytes = storedBytes,
            RawBytes = rawBytes,
            Ratio = rawBytes is > 0 && storedBytes > 0 ? Math.Round((double)rawBytes / storedBytes, 2) : null,
            PackCount = bytes[StoredKind.Pack].Count,
            PackBytes = bytes[StoredKind.Pack].Bytes,
            IndexCount = bytes[StoredKind.Index].Count,
            ImageCount = images.Count,
            VolumeCount = images.Select(ImageHistories.KeyOf).Distinct().Count(),
            ImageBytes = images.Sum(image => image.UsedBytes ?? image.SizeBytes),
            OldestImage = times.Count > 0 ? times.Min() : null,
            NewestImage = times.Count > 0 ? times.Max() : null,
            FreeBytes = DiskSpace.FreeBytes(repository.Location),
            Locks = repository.Locks(isTolerant: true),
            LastCheck = memory.LastCheck?.At.LocalDateTime,
            LastCheckIsHealthy = memory.LastCheck?.IsHealthy,
            LastOptimize = memory.LastOptimize?.LocalDateTime,
            Keys = repository.Keys(),
        };
    }

    private long? RawBytes(CancellationToken cancellation)
    {
        bool isWhole = true;
        var gate = new object();
        (BlobIndex index, _) = IndexLoader.Load(repository.Files, repository.Sealers, (_, failure) =>
        {
            lock (gate)
            {
                isWhole = false;
                onWarning(failure.Message);
            }
        }, cancellation);
        long sum = 0;
        foreach ((_, var location) in index.Entries())
            sum += location.UncompressedLengthBytes > 0 ? location.UncompressedLengthBytes : location.LengthBytes - Sealer.OverheadBytes;
        return isWhole ? sum : null;
    }
}
