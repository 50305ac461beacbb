using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// <see cref="ImageMetadata"/> as JSON (src/FORMAT.md, "image.json"): camelCase members, enumerations by name, absent rather than
/// null. Field by field: a serializer's generic code for our types cannot be compiled ahead, and is a tenth of a second of
/// every process that reads an image.
/// </summary>
internal static partial class ImageMetadataJson
{
    /// <summary>A list of read errors or warnings may be long; a summary is read with every listing.</summary>
    private const int SummaryItemCount = 32;

    private static readonly JsonDocumentOptions s_readOptions = new() { MaxDepth = 16 };

    public static byte[] Write(ImageMetadata metadata)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            json.WriteStartObject();
            Fields(new JsonFieldWriter(json), metadata);
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <summary>What the snapshot record's own JSON carries: the same, with long lists cut.</summary>
    public static byte[] WriteSummary(ImageMetadata metadata) => Write(metadata with
    {
        ReadErrors = Cut(metadata.ReadErrors),
        Warnings = Cut(metadata.Warnings),
        Omitted = Cut(metadata.Omitted),
        Options = Cut(metadata.Options),
    });

    /// <summary>Null if it is not ours or of a later schema.</summary>
    public static ImageMetadata? Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, s_readOptions);
            ImageMetadata metadata = Fields(new JsonFieldReader(document.RootElement), null);
            return IsUsable(metadata) ? metadata : null;
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            return null;
        }
    }

    /// <summary>What JSON can say and the record's types forbid: a size of nothing, a later schema.</summary>
    private static bool IsUsable(ImageMetadata metadata) =>
        metadata is { Schema: >= 1 and <= ImageMetadata.SchemaVersion, SizeBytes: >= 0, ChunkSizeBytes: null or > 0 }
        && metadata.Omitted.All(file => file.SizeBytes >= 0);

    private static IReadOnlyList<T> Cut<T>(IReadOnlyList<T> items)
    {
        if (items.Count <= SummaryItemCount)
            return items;
        var cut = new T[SummaryItemCount];
        for (int i = 0; i < SummaryItemCount; i++)
            cut[i] = items[i];
        return cut;
    }
}
