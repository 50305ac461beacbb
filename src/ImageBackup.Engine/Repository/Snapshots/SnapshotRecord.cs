using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Snapshots;

/// <summary>
/// A snapshot's JSON (design.rst, "Snapshots"), with a copy of the image's summary under a key of our own, which restic
/// passes over.
/// </summary>
internal sealed record SnapshotRecord
{
    /// <summary>Our key in the snapshot record's JSON; see src/FORMAT.md.</summary>
    public const string SummaryKey = "imagebackup";

    public required DateTimeOffset Time { get; init; }

    /// <summary>The time as it was read, if it is finer than ours: restic writes nanoseconds, and takes a snapshot of another time for another one.</summary>
    private string? TimeText { get; init; }

    public required BlobId Tree { get; init; }
    public IReadOnlyList<string> Paths { get; init; } = Array.Empty<string>();
    public string HostName { get; init; } = "";
    public string UserName { get; init; } = "";
    public int? UserId { get; init; }
    public int? GroupId { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();
    public string? Original { get; init; }

    /// <summary>A text for people, under the key that rustic has for it; restic passes over it.</summary>
    public string? Description { get; init; }
    public string? Parent { get; init; }
    public string? ProgramVersion { get; init; }

    /// <summary>The object under <see cref="SummaryKey"/>, as JSON; null if there is none.</summary>
    public byte[]? Summary { get; init; }

    /// <summary>What other programs wrote that is not known here, by name, as JSON: it stays when a record is changed.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Other { get; init; } = Array.Empty<KeyValuePair<string, string>>();

    private static readonly string[] s_known =
        ["time", "parent", "tree", "paths", "hostname", "username", "uid", "gid", "tags", "original", "description", "program_version", SummaryKey];

    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("time", TimeText is { } text && Rfc3339.TryParse(text, out DateTimeOffset read) && read == Time ? text : JsonText.Time(Time));
            if (Parent is not null)
                writer.WriteString("parent", Parent);
            writer.WriteString("tree", Tree.ToString());
            WriteStrings(writer, "paths", Paths);
            writer.WriteString("hostname", HostName);
            writer.WriteString("username", UserName);
            if (UserId is int userId)
                writer.WriteNumber("uid", userId);
            if (GroupId is int groupId)
                writer.WriteNumber("gid", groupId);
            if (Tags.Count > 0)
                WriteStrings(writer, "tags", Tags);
            if (Original is not null)
                writer.WriteString("original", Original);
            if (Description is not null)
                writer.WriteString("description", Description);
            if (ProgramVersion is not null)
                writer.WriteString("program_version", ProgramVersion);
            if (Summary is not null)
            {
                writer.WritePropertyName(SummaryKey);
                using JsonDocument summary = JsonDocument.Parse(Summary);
                summary.WriteTo(writer);
            }
            foreach (KeyValuePair<string, string> other in Other)
            {
                writer.WritePropertyName(other.Key);
                using JsonDocument value = JsonDocument.Parse(other.Value);
                value.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <exception cref="FormatException">Not a snapshot record.</exception>
    public static SnapshotRecord Read(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (!BlobId.TryParse(root.GetProperty("tree").GetString(), out BlobId tree))
                throw new FormatException("The snapshot record has no tree.");
            DateTimeOffset time = TimeOf(root);
            return new SnapshotRecord
            {
                Time = time,
                TimeText = JsonText.String(root, "time") is { } text && text != JsonText.Time(time) ? text : null,
                Tree = tree,
                Paths = JsonText.Strings(root, "paths"),
                HostName = JsonText.String(root, "hostname") ?? "",
                UserName = JsonText.String(root, "username") ?? "",
                UserId = JsonText.Int(root, "uid"),
                GroupId = JsonText.Int(root, "gid"),
                Tags = JsonText.Strings(root, "tags"),
                Original = JsonText.String(root, "original"),
                Description = JsonText.String(root, "description"),
                Parent = JsonText.String(root, "parent"),
                ProgramVersion = JsonText.String(root, "program_version"),
                Summary = root.TryGetProperty(SummaryKey, out JsonElement summary) && summary.ValueKind == JsonValueKind.Object
                    ? System.Text.Encoding.UTF8.GetBytes(summary.GetRawText())
                    : null,
                Other = [.. root.EnumerateObject().Where(property => !s_known.Contains(property.Name)).Select(property => new KeyValuePair<string, string>(property.Name, property.Value.GetRawText()))],
            };
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The file does not have the format of a snapshot record.", e);
        }
    }

    /// <summary>restic takes a snapshot without a time for one of the first instant of the calendar.</summary>
    private static DateTimeOffset TimeOf(JsonElement root)
    {
        if (!root.TryGetProperty("time", out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return DateTimeOffset.MinValue;
        return JsonText.TimeOf(root, "time") ?? throw new FormatException("Its time is not one of RFC 3339.");
    }

    private static void WriteStrings(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
