using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Trees;

namespace ImageBackup.Engine.Jobs;

/// <summary>The files of an image's root tree (src/FORMAT.md), in the order in which a tree sorts them.</summary>
internal static class ImageFiles
{
    public const string Metadata = "image.json";

    public const string UsedRanges = "used.ranges";
    public const string Volume = "volume.img";

    /// <summary>Files beside the volume are cut into blobs of this many bytes.</summary>
    private const int PartBytes = 4 << 20;

    /// <summary>The directory of what a snapshot provider gave to be stored with the image: vss.</summary>
    public static string SnapshotFolder(string provider) => provider.ToLowerInvariant();

    /// <summary>Stores a directory of small files and gives its node.</summary>
    public static TreeNode SaveFolder(BlobLane lane, string name, IEnumerable<(string Name, byte[] Content)> files, DateTimeOffset time)
    {
        var nodes = new List<TreeNode>();
        foreach ((string file, byte[] content) in files)
            nodes.Add(Save(lane, file, content, time));
        return new TreeNode { Name = name, Type = "dir", Time = time, Subtree = SaveTree(lane, nodes) };
    }

    /// <summary>Stores a tree of nodes, sorted as restic sorts them.</summary>
    public static BlobId SaveTree(BlobLane lane, List<TreeNode> nodes)
    {
        nodes.Sort((one, other) => string.CompareOrdinal(one.Name, other.Name));
        byte[] json = TreeFile.Write(nodes);
        BlobId tree = BlobId.Of(json);
        lane.Save(BlobType.Tree, tree, json);
        return tree;
    }

    /// <summary>Stores a small file's content and gives its node.</summary>
    public static TreeNode Save(BlobLane lane, string name, byte[] content, DateTimeOffset time)
    {
        var parts = new List<BlobId>();
        for (int offset = 0; offset < content.Length; offset += PartBytes)
        {
            ReadOnlySpan<byte> part = content.AsSpan(offset, Math.Min(PartBytes, content.Length - offset));
            BlobId id = BlobId.Of(part);
            lane.Save(BlobType.Data, id, part);
            parts.Add(id);
        }
        return new TreeNode { Name = name, Type = "file", SizeBytes = content.Length, Time = time, Content = parts };
    }
}
