using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>
/// A tree blob's JSON. A volume's content list costs 67 bytes a chunk, so it is written and read as a stream of ids, with
/// no string and no object for any of them.
/// </summary>
internal static partial class TreeFile
{
    /// <summary>Octal 600: our files are for their owner.</summary>
    private const int FileMode = 0x180;

    /// <summary>A directory's: Go's bit for it, and octal 700.</summary>
    private const uint DirectoryMode = 0x8000_01C0;

    /// <summary>
    /// Nodes must be sorted by name, as restic sorts them (by bytes), and be regular files or directories. Given without a
    /// last copy: of a volume of 1 TiB it is 67 MiB.
    /// </summary>
    public static ArraySegment<byte> Write(IReadOnlyList<TreeNode> nodes)
    {
        long capacity = 1024;
        foreach (TreeNode node in nodes)
            capacity += 512 + 67L * node.Content.Count;
        using var stream = new MemoryStream(checked((int)capacity));
        using (var writer = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            Span<byte> hex = stackalloc byte[BlobId.SizeBytes * 2];
            Span<byte> bytes = stackalloc byte[BlobId.SizeBytes];
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
                    subtree.CopyTo(bytes);
                    Hex.EncodeAscii(bytes, hex);
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
                    node.Content[i].CopyTo(bytes);
                    Hex.EncodeAscii(bytes, hex);
                    writer.WriteStringValue(hex);
                    if (i % 4096 == 0)
                        writer.Flush();
                }
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        // restic ends a tree with a newline; not needed, but then the same tree has the same id.
        stream.WriteByte((byte)'\n');
        return new ArraySegment<byte>(stream.GetBuffer(), 0, checked((int)stream.Length));
    }

    /// <param name="json">The tree.</param>
    /// <param name="onContent">If given: it gets each id of a node's content, and the nodes have none.</param>
    /// <exception cref="FormatException">Not a tree.</exception>
    public static List<TreeNode> Read(ReadOnlySpan<byte> json, Action<BlobId>? onContent = null)
    {
        var nodes = new List<TreeNode>();
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 32 });
            Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "is not an object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isNodes = reader.ValueTextEquals("nodes"u8);
                reader.Read();
                if (isNodes && reader.TokenType == JsonTokenType.StartArray)
                {
                    while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                        nodes.Add(ReadNode(ref reader, onContent));
                    Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in a node's place");
                }
                else
                {
                    reader.Skip();
                }
            }
            Expect(!reader.Read(), "goes on after its end");
            return nodes;
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The tree is not valid JSON of a tree.", e);
        }
    }

    private static TreeNode ReadNode(ref Utf8JsonReader reader, Action<BlobId>? onContent)
    {
        string? name = null, type = null;
        long size = 0;
        DateTimeOffset time = default;
        List<BlobId>? content = null;
        BlobId? subtree = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("name"u8))
            {
                reader.Read();
                name = reader.GetString();
            }
            else if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("size"u8))
            {
                reader.Read();
                Expect(reader.TryGetInt64(out size) && size >= 0, "has a node of an impossible size");
            }
            else if (reader.ValueTextEquals("mtime"u8))
            {
                reader.Read();
                _ = reader.TryGetDateTimeOffset(out time);
            }
            else if (reader.ValueTextEquals("content"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.StartArray)
                {
                    content = onContent is null ? new List<BlobId>() : null;
                    while (reader.Read() && reader.TokenType == JsonTokenType.String)
                    {
                        Expect(BlobId.TryParse(reader.ValueSpan, out BlobId id), "has something else in an id's place");
                        if (content is null)
                            onContent!(id);
                        else
                            content.Add(id);
                    }
                    Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in an id's place");
                }
            }
            else if (reader.ValueTextEquals("subtree"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String)
                {
                    Expect(BlobId.TryParse(reader.ValueSpan, out BlobId id), "has something else in an id's place");
                    subtree = id;
                }
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
        Expect(name is not null && type is not null, "has a node without a name or type");
        return new TreeNode
        {
            Name = name!,
            Type = type!,
            SizeBytes = size,
            Time = time,
            Content = (IReadOnlyList<BlobId>?)content ?? Array.Empty<BlobId>(),
            Subtree = subtree,
        };
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new FormatException($"The tree {what}.");
    }
}
