using System;
using System.Collections.Generic;
using System.Linq;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// <see cref="ImageMetadata"/> as JSON: camelCase members, enumerations by name, absent rather than null. Source
/// generated, so that reading it costs no reflection at a module's start.
/// </summary>
internal static class ImageMetadataJson
{
    /// <summary>A list of read errors or warnings may be long; a summary is read with every listing.</summary>
    private const int SummaryItemCount = 32;

    private static readonly ImageMetadataContext s_context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<ImageType>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<VolumeKind>(namingPolicy: null, allowIntegerValues: false),
            new JsonStringEnumConverter<OptionSource>(namingPolicy: null, allowIntegerValues: false),
            new RetentionLimitJson(),
        },
        MaxDepth = 16,
    });

    public static byte[] Write(ImageMetadata metadata) => JsonSerializer.SerializeToUtf8Bytes(metadata, s_context.ImageMetadata);

    /// <summary>What the snapshot's own JSON carries: the same, with long lists cut.</summary>
    public static byte[] WriteSummary(ImageMetadata metadata) => Write(metadata with
    {
        ReadErrors = Cut(metadata.ReadErrors),
        Warnings = Cut(metadata.Warnings),
        LeftOut = Cut(metadata.LeftOut),
        Options = Cut(metadata.Options),
    });

    /// <summary>Null where it is not ours or of a later schema.</summary>
    public static ImageMetadata? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, s_context.ImageMetadata) is { } metadata && IsUsable(metadata) ? metadata : null;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>What JSON can say and the record's types forbid: an explicit null, a size of nothing.</summary>
    private static bool IsUsable(ImageMetadata metadata) =>
        metadata is
        {
            Schema: >= 1 and <= ImageMetadata.SchemaVersion, SizeBytes: >= 0, ChunkSizeBytes: null or > 0, VolumeName: not null,
        }
        && (metadata.FileSystem is null || metadata.FileSystem.Type is not null)
        && metadata.MountPoints.Concat(metadata.Aliases).Concat(metadata.Warnings).All(text => text is not null)
        && metadata.LeftOut.All(file => file is { Path: not null, SizeBytes: >= 0, Reason: not null })
        && metadata.Rule is null or { Text: not null, Path: not null }
        && metadata.Options.All(option => option is { Name: not null });

    private static IReadOnlyList<T> Cut<T>(IReadOnlyList<T> items)
    {
        if (items.Count <= SummaryItemCount)
            return items;
        var cut = new List<T>(SummaryItemCount);
        for (int i = 0; i < SummaryItemCount; i++)
            cut.Add(items[i]);
        return cut;
    }
}

[JsonSerializable(typeof(ImageMetadata))]
internal sealed partial class ImageMetadataContext : JsonSerializerContext;
