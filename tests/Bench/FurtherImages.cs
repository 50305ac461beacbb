using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Bench;

/// <summary>
/// Makes many images of one, as many backups would have left them: each with a chunk of its own, its own files, packs, index file and snapshot
/// record. What a backup does besides, above all to wait until its lock has settled, takes a second each.
/// </summary>
internal static class FurtherImages
{
    /// <summary>Adds so many images to a repository of one image, each a minute older than the one before.</summary>
    public static void Add(string path, int count)
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(Contenders.Secrets["RESTIC_PASSWORD"]));
        using ImageRepository repository = ImageRepository.Open(path, password, CancellationToken.None);
        SnapshotRecord first = ImageContent.LoadSnapshot(repository, repository.Files.List(StoredKind.Snapshot).Single().Name);
        BlobIndex index = repository.LoadIndex(CancellationToken.None);
        List<TreeNode> nodes = TreeWalk.Load(repository, index, first.Tree);
        ImageMetadata metadata = ImageMetadataJson.Read(first.Summary!) ?? throw new InvalidDataException("The first image has no summary.");
        for (int i = 1; i <= count; i++)
            AddOne(repository, index, first, nodes, metadata with { Start = first.Time.AddMinutes(-i), End = first.Time.AddMinutes(-i) });
    }

    private static void AddOne(ImageRepository repository, BlobIndex index, SnapshotRecord first, List<TreeNode> nodes, ImageMetadata metadata)
    {
        DateTimeOffset time = metadata.Start;
        int chunkSizeBytes = metadata.ChunkSizeBytes ?? throw new InvalidDataException("The first image does not say how long its chunks are.");
        BlobId tree;
        using (var session = new RepositoryWriter(repository.Files, repository.Sealers, index, repository.FormatVersion, CancellationToken.None))
        {
            using (BlobWriter writer = session.OpenLane())
            {
                byte[] chunk = new byte[chunkSizeBytes];
                RandomNumberGenerator.Fill(chunk.AsSpan(0, 512));
                BlobId changed = BlobId.Of(chunk);
                writer.Save(BlobType.Data, changed, chunk);
                TreeNode volume = nodes.Single(node => node.Name == ImageFiles.Volume);
                var header = new ChunkTagsFile.Header(chunkSizeBytes, volume.Content.Count, RandomNumberGenerator.GetBytes(Gmac.KeySizeBytes));
                IEnumerable<ArraySegment<byte>> tags = ChunkTagsFile.WriteParts(header, volume.Content, new ChunkTag[volume.Content.Count]).Prepend(new ArraySegment<byte>(ChunkTagsFile.Write(header)));
                TreeNode tagsFile = ImageFiles.Save(writer, ImageFiles.ChunkTags, tags, time);
                TreeNode tagsFolder = ImageFiles.SaveFolder(writer, ImageFiles.ChunkTagsFolder, [tagsFile], time);
                tree = ImageFiles.SaveTree(writer,
                [
                    .. nodes.Where(node => node.Name == ImageFiles.UsedRanges),
                    volume with { Time = time, Content = [changed, .. volume.Content.Skip(1)] },
                    tagsFolder,
                    ImageFiles.Save(writer, ImageFiles.Metadata, ImageMetadataJson.Write(metadata with { ChunkTags = tagsFolder.Subtree.ToString() }), time),
                ]);
                writer.Flush();
            }
            session.Finish();
        }
        SnapshotRecord record = first with { Time = time, Tree = tree, Summary = ImageMetadataJson.WriteSummary(metadata) };
        repository.Files.SaveSealed(StoredKind.Snapshot, record.Write(), repository.FormatVersion, repository.Sealers);
    }
}
