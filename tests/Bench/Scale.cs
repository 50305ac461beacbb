using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Verify;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Bench;

/// <summary>
/// Large things: a sparse volume of 1 TiB with scattered data, and a repository that lists a million chunks and 2,000 images.
/// Memory and time of each step, and what the index takes for a chunk.
/// </summary>
internal static class Scale
{
    private const long VolumeBytes = 1L << 40;
    private const int SpotBytes = 64 << 10;
    private const int ChunksOfAPack = 15;

    public static void Run(string work, int spotCount, int chunkCount, int imageCount)
    {
        Volume(Path.Combine(work, "large"), spotCount);
        Repository(Path.Combine(work, "many"), chunkCount, imageCount);
    }

    private static void Volume(string directory, int spotCount)
    {
        Directory.CreateDirectory(directory);
        string volume = Path.Combine(directory, "volume.img"), path = Path.Combine(directory, "repo"), output = Path.Combine(directory, "out.img");
        var random = new Random(1);
        using (FileStream file = File.Create(volume))
        {
            file.SetLength(VolumeBytes);
            byte[] spot = new byte[SpotBytes];
            for (int i = 0; i < spotCount; i++)
            {
                random.NextBytes(spot);
                file.Position = random.NextInt64(VolumeBytes / SpotBytes) * SpotBytes;
                file.Write(spot);
            }
        }
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes("bench"));
        using ImageRepository repository = ImageRepository.Create(path, password, CancellationToken.None);
        var request = new BackupRequest { Volume = VolumeSystem.Current.Find(volume) };
        ImageBackupInfo image = Step($"1 TiB sparse, {spotCount} spots of 64 KiB: first backup", () => new BackupJob(repository, VolumeSystem.Current).Run(request, null, CancellationToken.None));
        Console.WriteLine(FormattableString.Invariant($"  {image.ChunkCount} chunks, {image.NewChunkCount} new, {image.StoredBytes / 1e9:F2} GB stored"));
        Step("  unchanged second backup", () => new BackupJob(repository, VolumeSystem.Current).Run(request, null, CancellationToken.None));
        Step("  restore to a sparse file", () => new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = image.Id, Destination = output }, null, CancellationToken.None));
        Step("  proof of every chunk", () => new VerifyJob(repository).Run(image.Id, null, CancellationToken.None).IsWhole ? true : throw new InvalidDataException("The image is not whole."));
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>Index files and snapshots as a backup writes them; the packs that they list are not there, and nothing asks for them.</summary>
    private static void Repository(string path, int chunkCount, int imageCount)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes("bench"));
        using ImageRepository repository = ImageRepository.Create(path, password, CancellationToken.None);
        using var writer = new IndexWriter(repository.Files, repository.Sealers, repository.FormatVersion);
        for (int first = 0; first < chunkCount; first += ChunksOfAPack)
        {
            writer.Add(new IndexedPack(IdOf(-1 - first), [.. Enumerable.Range(0, Math.Min(ChunksOfAPack, chunkCount - first))
                .Select(i => new PackEntry(IdOf(first + i), BlobType.Data, (uint)i * 900_000, 900_000, 1 << 20))]));
        }
        writer.Flush();
        for (int i = 0; i < imageCount; i++)
        {
            DateTimeOffset time = DateTimeOffset.UnixEpoch.AddHours(i);
            var metadata = new ImageMetadata { VolumeName = $"/dev/vg/v{i % 50}", SizeBytes = 1L << 40, Start = time, End = time, ImageType = ImageType.Static, ChunkSizeBytes = 1 << 20 };
            var snapshot = new SnapshotRecord { Time = time, Tree = IdOf(i), Paths = [metadata.VolumeName], HostName = LocalHost.Name, UserName = "root", Tags = [ImageTag.Name], Summary = ImageMetadataJson.WriteSummary(metadata) };
            repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), repository.FormatVersion, repository.Sealers);
        }

        GC.Collect();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        BlobIndex index = Step($"index of {chunkCount} chunks: load", () => repository.LoadIndex(CancellationToken.None));
        long taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine(FormattableString.Invariant($"  {(double)taken / index.Count:F1} bytes a chunk with its packs ({(double)index.MemoryBytes / index.Count:F1} for the chunk alone), {taken >> 20} MiB"));
        Step("  a million lookups", () =>
        {
            for (int i = 0; i < 1_000_000; i++)
            {
                if (!index.Contains(IdOf(i % chunkCount), BlobType.Data))
                    throw new InvalidDataException("A chunk is not found.");
            }
            return true;
        });
        GC.KeepAlive(index);
        int count = Step($"{imageCount} images: list", () => new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None)).Count;
        if (count != imageCount)
            throw new InvalidDataException($"{count} images were listed.");
        Directory.Delete(path, recursive: true);
    }

    private static BlobId IdOf(int number) => BlobId.Of(BitConverter.GetBytes(number));

    private static T Step<T>(string name, Func<T> action)
    {
        var clock = Stopwatch.StartNew();
        T result = action();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {clock.Elapsed.TotalSeconds:F2} s, the process's peak so far {PeakBytes() >> 20} MiB"));
        return result;
    }

    private static long PeakBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
