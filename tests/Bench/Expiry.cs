using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Bench;

/// <summary>Expiry of 10,000 images: listed, evaluated and removed, on a real directory.</summary>
internal static class Expiry
{
    private const int ImageCount = 10_000;
    private const int VolumeCount = 100;

    public static void Measure(string path)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes("bench"));
        using ImageRepository repository = ImageRepository.Create(path, password, CancellationToken.None);
        DateTimeOffset now = DateTimeOffset.Now;
        for (int i = 0; i < ImageCount; i++)
            Save(repository, $"/dev/sd{i % VolumeCount}", now.AddHours(-i));

        var retention = new ImageRetention { MachineClasses = ManagementClassDocument.Empty };
        var clock = Stopwatch.StartNew();
        IReadOnlyList<ImageBackupInfo> images = new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true, Retention = retention }, null, CancellationToken.None);
        double listed = clock.Elapsed.TotalSeconds;
        string[] expired = images.Where(i => i.IsExpired).Select(i => i.Id).ToArray();
        double evaluated = clock.Elapsed.TotalSeconds;
        int removed = new RemoveJob(repository).Remove(expired, retention, null, CancellationToken.None).Count;
        Console.WriteLine(FormattableString.Invariant(
            $"expiry     {images.Count} images of {VolumeCount} volumes: listed and evaluated in {evaluated:F2} s; {removed} expired ones looked at again and removed under the lock in {clock.Elapsed.TotalSeconds - evaluated:F2} s; together {clock.Elapsed.TotalSeconds:F2} s"));
        if (removed != ImageCount - 2 * VolumeCount || listed > evaluated)
            throw new InvalidOperationException($"{removed} images expired.");
    }

    /// <summary>A snapshot as a backup writes it, without its tree, and without the flush that a real one waits for.</summary>
    private static void Save(ImageRepository repository, string volume, DateTimeOffset time)
    {
        var metadata = new ImageMetadata
        {
            VolumeName = volume,
            SizeBytes = 1L << 40,
            Start = time,
            End = time.AddMinutes(10),
            ManagementClass = ManagementClass.DefaultName,
            Retention = RetentionValues.Default,
        };
        var snapshot = new SnapshotRecord
        {
            Time = time,
            Tree = BlobId.Of([1]),
            Paths = [volume],
            HostName = LocalHost.Name,
            Tags = [ImageTag.Name],
            Summary = ImageMetadataJson.WriteSummary(metadata),
        };
        byte[] content = repository.Sealers.Seal(snapshot.Write());
        File.WriteAllBytes(Path.Combine(repository.Location, "snapshots", BlobId.Of(content).ToString()), content);
    }
}
