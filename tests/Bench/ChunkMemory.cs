using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Bench;

/// <summary>
/// What a unique chunk costs at the peak of what works on a whole repository: the same commands over repositories of one image of N chunks,
/// whose packs are holes of the right lengths, for several N. What does not grow with N falls out of the difference.
/// </summary>
internal sealed class ChunkMemory(string work, HostProgram host, Func<string, bool> wants)
{
    private const int ChunkBytes = 1 << 20;
    private const int StoredBytes = 600_000;
    private const int ChunksOfAPack = 28;
    private const string TinyVolume = "tiny.img";

    public void Run(IReadOnlyList<int> chunkCounts)
    {
        File.WriteAllBytes(Path.Combine(work, TinyVolume), [.. Enumerable.Range(0, 1 << 16).Select(i => (byte)(i * 7))]);
        (string Name, string Script)[] works =
        [
            ("connect", "Get-ImageRepository"),
            ("check", "Test-ImageRepository"),
            ("prune", "Optimize-ImageRepository -WhatIf"),
            ("repair", "Repair-ImageRepository -WhatIf"),
            ("tiny", $"Backup-VolumeImage -Volume '{Path.Combine(work, TinyVolume)}'"),
        ];
        var peaks = works.Select(w => w.Name).Append("backup").ToDictionary(name => name, _ => new List<Measurement>());
        foreach (int chunkCount in chunkCounts)
        {
            if (works.Any(w => wants(w.Name)))
            {
                string path = Path.Combine(work, "chunks-" + chunkCount);
                Make(path, chunkCount);
                foreach ((string name, string script) in works.Where(w => wants(w.Name)))
                    peaks[name].Add(host.Run($"Connect-ImageRepository -Repository '{path}' | Out-Null; {script} | Out-Null"));
                WorkFiles.Delete(path);
            }
            if (wants("backup"))
                peaks["backup"].Add(BackUp(chunkCount));
        }
        Console.WriteLine("The most memory, processor time; bytes a chunk between the sizes.");
        Console.WriteLine();
        Console.WriteLine("| work |" + string.Concat(chunkCounts.Select(n => FormattableString.Invariant($" {n} chunks |"))) + " bytes a chunk |");
        Console.WriteLine("|---|" + string.Concat(chunkCounts.Select(_ => "---|")) + "---|");
        foreach ((string name, List<Measurement> runs) in peaks.Where(p => p.Value.Count > 0))
        {
            string slope = string.Join(", ", Enumerable.Range(1, runs.Count - 1)
                .Select(i => ((runs[i].PeakBytes - runs[i - 1].PeakBytes) / (double)(chunkCounts[i] - chunkCounts[i - 1])).ToString("F0", CultureInfo.InvariantCulture)));
            Console.WriteLine($"| {name} |" + string.Concat(runs.Select(r => FormattableString.Invariant($" {r.PeakBytes >> 20} MiB, {r.CpuSeconds:F1} s |"))) + $" {slope} |");
        }
    }

    /// <summary>
    /// The first backup of a volume of so many chunks, each unlike all others: of them the index, the ids and tags, and the tree grow. The volume
    /// takes a page of memory a chunk, and each chunk has the least length, so that it is hashed in a moment.
    /// </summary>
    private Measurement BackUp(int chunkCount)
    {
        string path = Path.Combine(work, "first"), volume = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : work, $"imagebackup-bench-{Environment.ProcessId}-first.img");
        try
        {
            using (FileStream file = new(volume, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                file.SetLength((long)chunkCount * ChunkGeometry.MinimumSizeBytes);
                // A page that does not compress: of chunks that are next to nothing a pack would hold a hundred thousand.
                byte[] page = new byte[4096];
                var random = new Random(chunkCount);
                for (int i = 0; i < chunkCount; i++)
                {
                    file.Position = (long)i * ChunkGeometry.MinimumSizeBytes;
                    random.NextBytes(page);
                    file.Write(page);
                }
            }
            return host.Run($"Initialize-ImageRepository -Path '{path}' | Out-Null; Backup-VolumeImage -Volume '{volume}' -Repository '{path}' -ChunkSize {ChunkGeometry.MinimumSizeBytes} | Out-Null");
        }
        finally
        {
            File.Delete(volume);
            WorkFiles.Delete(path);
        }
    }

    /// <summary>A repository of one image: true index files and a true tree; of the packs of its data only the lengths.</summary>
    private static void Make(string path, int chunkCount)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(Contenders.Secrets["RESTIC_PASSWORD"]));
        using ImageRepository repository = ImageRepository.Create(path, password, CancellationToken.None);
        var ids = new BlobId[chunkCount];
        using var index = new IndexWriter(repository.Files, repository.Sealers, repository.FormatVersion);
        for (int first = 0; first < chunkCount; first += ChunksOfAPack)
        {
            var blobs = new PackEntry[Math.Min(ChunksOfAPack, chunkCount - first)];
            for (int i = 0; i < blobs.Length; i++)
            {
                ids[first + i] = BlobId.Of(BitConverter.GetBytes(first + i));
                blobs[i] = new PackEntry(ids[first + i], BlobType.Data, (uint)(i * StoredBytes), StoredBytes, ChunkBytes);
            }
            BlobId pack = BlobId.Of(BitConverter.GetBytes(-1 - first));
            string name = pack.ToString();
            using FileStream file = File.Create(Path.Combine(path, "data", name[..2], name));
            file.SetLength(PackVerifier.LengthOf(blobs));
            index.Add(new IndexedPack(pack, blobs));
        }
        index.Flush();

        var metadata = new ImageMetadata
        {
            VolumeName = "/dev/vg/chunks", VolumeId = "/dev/vg/chunks", SizeBytes = (long)chunkCount * ChunkBytes, Start = DateTimeOffset.Now, End = DateTimeOffset.Now,
            ImageType = ImageType.Static, ChunkSizeBytes = ChunkBytes, ChunkCount = chunkCount,
        };
        using var session = new RepositoryWriter(repository.Files, repository.Sealers, new BlobIndex(), repository.FormatVersion, CancellationToken.None);
        BlobId tree;
        using (BlobWriter writer = session.OpenLane())
        {
            tree = ImageFiles.SaveTree(writer,
            [
                ImageFiles.Save(writer, ImageFiles.Metadata, ImageMetadataJson.Write(metadata), metadata.Start),
                new TreeNode { Name = ImageFiles.Volume, Type = "file", SizeBytes = metadata.SizeBytes, Time = metadata.Start, Content = ids },
            ]);
            writer.Flush();
        }
        session.Finish();
        var snapshot = new SnapshotRecord { Time = metadata.Start, Tree = tree, Paths = [metadata.VolumeName], HostName = LocalHost.Name, UserName = "root", Tags = [ImageTag.Name], Summary = ImageMetadataJson.WriteSummary(metadata) };
        repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), repository.FormatVersion, repository.Sealers);
    }
}
