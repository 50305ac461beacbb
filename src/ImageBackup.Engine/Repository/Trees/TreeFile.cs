using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>
/// A tree blob's JSON. A volume's content list costs 67 bytes a chunk, so it is written and read as a stream of ids, with
/// no string and no object for any of them.
/// </summary>
internal static class TreeFile
{
    /// <summary>Octal 600: our files are for their owner.</summary>
    private const int FileMode = 0x180;

    /// <summary>A directory's: Go's bit for it, and octal 700.</summary>
    private const uint DirectoryMode = 0x8000_01C0;

    /// <summary>So many ids are handed over at once: what stays in the processor's caches.</summary>
    private const int IdsOfAPart = 512;

    /// <summary>
    /// Writes a tree part by part: of a volume of 1 TiB it has 67 MiB. Nodes must be sorted by name, as restic sorts them (by bytes), and be
    /// regular files or directories. The same nodes give the same bytes each time.
    /// </summary>
    public static void Write(IReadOnlyList<TreeNode> nodes, Stream target)
    {
        using (var writer = new Utf8JsonWriter(target, JsonText.WriterOptions))
        {
            Span<byte> hex = stackalloc byte[BlobId.SizeBytes * 2];
            writer.WriteStartObject();
            writer.WriteStartArray("nodes");
            foreach (TreeNode node in nodes)
            {
                string time = JsonText.Time(node.Time);
                writer.WriteStartObject();
                writer.WriteString("name", node.Name);
                writer.WriteString("type", node.Type);
                writer.WriteNumber("mode", node.Subtree is null ? FileMode : DirectoryMode);
                writer.WriteString("mtime", time);
                writer.WriteString("atime", time);
                writer.WriteString("ctime", time);
                writer.WriteNumber("uid", 0);
                writer.WriteNumber("gid", 0);
                if (node.Subtree is { } subtree)
                {
                    subtree.CopyHexTo(hex);
                    writer.WriteNull("content");
                    writer.WriteString("subtree", hex);
                    writer.WriteEndObject();
                    continue;
                }
                writer.WriteNumber("size", node.SizeBytes);
                writer.WriteNumber("links", 1);
                writer.WriteStartArray("content");
                for (int i = 0; i < node.Content.Count; i++)
                {
                    node.Content[i].CopyHexTo(hex);
                    writer.WriteStringValue(hex);
                    if (i % IdsOfAPart == IdsOfAPart - 1)
                        writer.Flush();
                }
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        // restic ends a tree with a newline; not needed, but then the same tree has the same id.
        target.WriteByte((byte)'\n');
    }

    /// <param name="json">The tree.</param>
    /// <param name="onContent">If given: it gets each id of a node's content, and the nodes have none.</param>
    /// <exception cref="FormatException">Not a tree.</exception>
    public static List<TreeNode> Read(ReadOnlySpan<byte> json, Action<BlobId>? onContent = null)
    {
        var nodes = new List<TreeNode>();
        new TreeParser(nodes, onContent, onSubtree: null).Parse(json, isLast: true);
        return nodes;
    }

    /// <summary>
    /// Calls back for every data blob and every subtree that any node names. A node of a kind that is not known here, or
    /// one that names its content twice, refers to all of it: in doubt, a blob is in use.
    /// </summary>
    /// <exception cref="FormatException">Not a tree.</exception>
    public static void References(ReadOnlySpan<byte> json, Action<BlobId, BlobType> onReference) => ReferenceParser(onReference).Parse(json, isLast: true);

    /// <summary>As <see cref="References"/>, of a tree that comes in parts.</summary>
    public static TreeParser ReferenceParser(Action<BlobId, BlobType> onReference) =>
        new(nodes: null, id => onReference(id, BlobType.Data), id => onReference(id, BlobType.Tree));
}
