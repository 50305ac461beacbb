using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Images.Format;

/// <summary>The files of an image's root tree (src/FORMAT.md), in the order in which a tree sorts them.</summary>
internal static class ImageFiles
{
    public const string Metadata = "image.json";

    /// <summary>The directory of the chunk tags, and the file in it: apart, so that they are found without the volume's long list of chunks.</summary>
    public const string ChunkTagsFolder = "tags";
    public const string ChunkTags = "chunk.tags";

    public const string UsedRanges = "used.ranges";
    public const string Volume = "volume.img";

    /// <summary>Files beside the volume are cut into blobs of this many bytes.</summary>
    private const int PartBytes = 4 << 20;

    /// <summary>The directory of what a snapshot provider gave to be stored with the image: vss.</summary>
    public static string SnapshotFolder(string provider) => provider.ToLowerInvariant();

    /// <summary>Stores a directory of small files and gives its node.</summary>
    public static TreeNode SaveFolder(BlobWriter lane, string name, IEnumerable<(string Name, byte[] Content)> files, DateTimeOffset time)
    {
        var nodes = new List<TreeNode>();
        foreach ((string file, byte[] content) in files)
            nodes.Add(Save(lane, file, content, time));
        return SaveFolder(lane, name, nodes, time);
    }

    /// <summary>Stores a directory of files that are stored already and gives its node.</summary>
    public static TreeNode SaveFolder(BlobWriter lane, string name, List<TreeNode> files, DateTimeOffset time) =>
        new() { Name = name, Type = "dir", Time = time, Subtree = SaveTree(lane, files) };

    /// <summary>Stores a tree of nodes, sorted as restic sorts them.</summary>
    public static BlobId SaveTree(BlobWriter lane, List<TreeNode> nodes)
    {
        nodes.Sort((one, other) => string.CompareOrdinal(one.Name, other.Name));
        return lane.SaveInParts(BlobType.Tree, target => TreeFile.Write(nodes, target));
    }

    /// <summary>Stores a small file's content and gives its node.</summary>
    public static TreeNode Save(BlobWriter lane, string name, byte[] content, DateTimeOffset time)
    {
        IEnumerable<ArraySegment<byte>> Cut()
        {
            for (int offset = 0; offset < content.Length; offset += PartBytes)
                yield return new ArraySegment<byte>(content, offset, Math.Min(PartBytes, content.Length - offset));
        }
        return Save(lane, name, Cut(), time);
    }

    /// <summary>Stores a file's content in parts that are blobs of their own and gives its node.</summary>
    public static TreeNode Save(BlobWriter lane, string name, IEnumerable<ArraySegment<byte>> content, DateTimeOffset time)
    {
        var parts = new List<BlobId>();
        long sizeBytes = 0;
        foreach (ArraySegment<byte> part in content)
        {
            BlobId id = BlobId.Of(part);
            lane.Save(BlobType.Data, id, part);
            parts.Add(id);
            sizeBytes += part.Count;
        }
        return new TreeNode { Name = name, Type = "file", SizeBytes = sizeBytes, Time = time, Content = parts };
    }
}
