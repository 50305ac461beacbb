using System;
using System.Collections.Generic;
using System.Text.Json;
using ImageBackup.Engine.Policy.Classes;

namespace ImageBackup.Engine.Images.Format;

/// <summary>The writing, in the order of the record's members.</summary>
internal static partial class ImageMetadataJson
{
    private static void Write(Utf8JsonWriter json, ImageMetadata metadata)
    {
        json.WriteStartObject();
        json.WriteNumber("schema", metadata.Schema);
        json.WriteString("volumeName", metadata.VolumeName);
        Put(json, "volumeId", metadata.VolumeId);
        if (metadata.Identity is { } identity)
            Put(json, "identity", identity);
        Put(json, "devicePath", metadata.DevicePath);
        Put(json, "volumeKind", metadata.VolumeKind?.ToString());
        json.WriteNumber("sizeBytes", metadata.SizeBytes);
        Put(json, "sectorSizeBytes", metadata.SectorSizeBytes);
        Put(json, "physicalSectorSizeBytes", metadata.PhysicalSectorSizeBytes);
        Put(json, "mountPoints", metadata.MountPoints);
        Put(json, "aliases", metadata.Aliases);
        Put(json, "partitionUuid", metadata.PartitionUuid);
        Put(json, "partitionType", metadata.PartitionType);
        Put(json, "partitionLabel", metadata.PartitionLabel);
        if (metadata.FileSystem is { } fileSystem)
            Put(json, "fileSystem", fileSystem);
        Put(json, "imageType", metadata.ImageType?.ToString());
        Put(json, "requestedImageType", metadata.RequestedImageType?.ToString());
        json.WriteBoolean("isFuzzy", metadata.IsFuzzy);
        Put(json, "snapshotProvider", metadata.SnapshotProvider);
        Put(json, "failoverReason", metadata.FailoverReason);
        Put(json, "snapshotTime", metadata.SnapshotTime);
        Put(json, "snapshotCacheBytes", metadata.SnapshotCacheBytes);
        Put(json, "snapshotCacheUsedBytes", metadata.SnapshotCacheUsedBytes);
        Put(json, "quiescedBy", metadata.QuiescedBy);
        Put(json, "managementClass", metadata.ManagementClass);
        if (metadata.Retention is { } retention)
        {
            json.WriteStartObject("retention");
            RetentionValuesJson.WriteMembers(json, retention);
            json.WriteEndObject();
        }
        if (metadata.Rule is { } rule)
            Put(json, "rule", rule);
        Put(json, "options", metadata.Options, Write);
        json.WriteString("start", metadata.Start);
        Put(json, "end", metadata.End);
        Put(json, "chunkSizeBytes", metadata.ChunkSizeBytes);
        Put(json, "gapSizeBytes", metadata.GapSizeBytes);
        Put(json, "usedBytes", metadata.UsedBytes);
        Put(json, "usedRangeCount", metadata.UsedRangeCount);
        Put(json, "usedMapSource", metadata.UsedMapSource);
        Put(json, "omitted", metadata.Omitted, Write);
        Put(json, "chunkCount", metadata.ChunkCount);
        Put(json, "newChunkCount", metadata.NewChunkCount);
        Put(json, "zeroChunkCount", metadata.ZeroChunkCount);
        Put(json, "storedBytes", metadata.StoredBytes);
        Put(json, "chunkTags", metadata.ChunkTags);
        Put(json, "readErrors", metadata.ReadErrors, Write);
        Put(json, "warnings", metadata.Warnings);
        Put(json, "programVersion", metadata.ProgramVersion);
        json.WriteEndObject();
    }

    private static void Put(Utf8JsonWriter json, string name, VolumeIdentity identity)
    {
        json.WriteStartObject(name);
        json.WriteNumber("version", VolumeIdentity.CurrentVersion);
        Put(json, "facts", identity.Facts, Write);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, IdentityFact fact)
    {
        json.WriteString("kind", IdentityFact.NameOf(fact.Kind));
        json.WriteString("value", fact.Value);
    }

    private static void Put(Utf8JsonWriter json, string name, FileSystemDescription fileSystem)
    {
        json.WriteStartObject(name);
        json.WriteString("type", fileSystem.Type);
        Put(json, "label", fileSystem.Label);
        Put(json, "uuid", fileSystem.Uuid);
        Put(json, "deviceUuid", fileSystem.DeviceUuid);
        Put(json, "version", fileSystem.Version);
        Put(json, "sizeBytes", fileSystem.SizeBytes);
        Put(json, "clusterSizeBytes", fileSystem.ClusterSizeBytes);
        Put(json, "usedBytes", fileSystem.UsedBytes);
        if (fileSystem.IsClean is { } isClean)
            json.WriteBoolean("isClean", isClean);
        json.WriteBoolean("isEncrypted", fileSystem.IsEncrypted);
        json.WriteEndObject();
    }

    private static void Put(Utf8JsonWriter json, string name, MatchedRule rule)
    {
        json.WriteStartObject(name);
        json.WriteString("text", rule.Text);
        json.WriteString("path", rule.Path);
        json.WriteNumber("line", rule.Line);
        Put(json, "pattern", rule.Pattern);
        Put(json, "matchedName", rule.MatchedName);
        json.WriteBoolean("isEnforced", rule.IsEnforced);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, DecidedOption option)
    {
        json.WriteString("name", option.Name);
        Put(json, "value", option.Value);
        json.WriteString("source", option.Source.ToString());
        Put(json, "where", option.Where);
    }

    private static void Write(Utf8JsonWriter json, OmittedContent file)
    {
        json.WriteString("path", file.Path);
        json.WriteNumber("sizeBytes", file.SizeBytes);
        json.WriteString("reason", file.Reason);
    }

    private static void Write(Utf8JsonWriter json, ByteRange range)
    {
        json.WriteNumber("offsetBytes", range.OffsetBytes);
        json.WriteNumber("lengthBytes", range.LengthBytes);
    }

    /// <summary>An array of objects, whose members <paramref name="write"/> writes.</summary>
    private static void Put<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Put(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private static void Put(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
            json.WriteString(name, text);
    }

    private static void Put(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } value)
            json.WriteNumber(name, value);
    }

    private static void Put(Utf8JsonWriter json, string name, DateTimeOffset? time)
    {
        if (time is { } value)
            json.WriteString(name, value);
    }
}
