using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Classes;

/// <remarks>
/// On disk: <c>{ "version": 1, "default": "NAME", "classes": [ { "name": ..., "versionsExist": 2, "retainExtraDays":
/// "NoLimit", ... } ] }</c>. A property that is missing has the type's default; one that is not known is a fault,
/// because a misspelt limit must not silently become another one.
/// </remarks>
internal sealed partial class ManagementClassDocument
{
    public const int MaximumBytes = 4 * 1024 * 1024;
    private const int MaximumClasses = 10000;
    private const int MaximumTags = 1000;
    private const int FormatVersion = 1;

    /// <exception cref="ImageBackupException">ManagementClassInvalid: any error in it.</exception>
    public static ManagementClassDocument Read(byte[] bytes, string path, bool isEnforced)
    {
        if (bytes is null)
            throw new ArgumentNullException(nameof(bytes));
        if (bytes.Length > MaximumBytes)
            throw Fault(path, "The file is longer than 4 MiB.");
        try
        {
            var start = bytes.Length >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0;
            using var json = JsonDocument.Parse(new ReadOnlyMemory<byte>(bytes, start, bytes.Length - start),
                new JsonDocumentOptions { MaxDepth = 8, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return Read(json.RootElement, path, isEnforced);
        }
        catch (JsonException e)
        {
            throw Fault(path, string.Format(CultureInfo.InvariantCulture, "({0},{1}): It is not JSON: {2}",
                (e.LineNumber ?? 0) + 1, (e.BytePositionInLine ?? 0) + 1, e.Message), e);
        }
        catch (InvalidOperationException e)
        {
            // A string with half of a surrogate pair: valid JSON, but no text.
            throw Fault(path, "A text has characters that are none.", e);
        }
    }

    public byte[] Write()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("version", FormatVersion);
            if (DefaultClass is not null)
                json.WriteString("default", DefaultClass);
            json.WriteStartArray("classes");
            foreach (var each in _classes)
                Write(json, each);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static void Write(Utf8JsonWriter json, ManagementClass each)
    {
        json.WriteStartObject();
        json.WriteString("name", each.Name);
        if (each.Description is not null)
            json.WriteString("description", each.Description);
        RetentionValuesJson.WriteMembers(json, each.Retention);
        json.WriteNumber("frequencyDays", each.FrequencyDays);
        if (each.Serialization is { } serialization)
            json.WriteString("serialization", serialization.ToString().ToLowerInvariant());
        if (each.ChangingRetries is { } retries)
            json.WriteNumber("changingRetries", retries);
        if (each.ImageType is { } imageType)
            json.WriteString("imageType", imageType.ToString().ToLowerInvariant());
        if (each.GapSize is { } gap)
            json.WriteString("gapSize", gap.ToString());
        if (each.ChunkSize is { } chunkSize)
            json.WriteString("chunkSize", chunkSize.ToString());
        if (each.Compression is { } compression)
            json.WriteString("compression", OptionKeyword.NameOf(compression));
        if (each.SnapshotBackupType is { } backupType)
            json.WriteString("snapshotBackupType", backupType.ToString().ToLowerInvariant());
        json.WriteEndObject();
    }

    private static ManagementClassDocument Read(JsonElement root, string path, bool isEnforced)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw Fault(path, "It is not a JSON object.");
        var document = Empty;
        var version = 0;
        foreach (var property in root.EnumerateObject())
        {
            switch (property.Name)
            {
                case "version":
                    version = Int(property, path, 1, int.MaxValue);
                    if (version > FormatVersion)
                        throw Fault(path, $"It is of version {version.ToString(CultureInfo.InvariantCulture)}; this module knows version 1.");
                    break;
                case "default":
                    var name = Text(property, path);
                    document = ManagementClass.IsValidName(name) ? document.WithDefault(name) : throw Bad(property, path);
                    break;
                case "classes":
                    document = ReadClasses(property, document, path, isEnforced);
                    break;
                default:
                    throw Unknown(property, path);
            }
        }

        return version > 0 ? document : throw Fault(path, "The property 'version' is missing.");
    }

    private static ManagementClassDocument ReadClasses(JsonProperty property, ManagementClassDocument document, string path, bool isEnforced)
    {
        if (property.Value.ValueKind != JsonValueKind.Array || property.Value.GetArrayLength() > MaximumClasses)
            throw Bad(property, path);
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var classes = new List<ManagementClass>();
        foreach (var element in property.Value.EnumerateArray())
        {
            var each = ReadClass(element, path) with { IsEnforced = isEnforced };
            if (!names.Add(each.Name))
                throw Fault(path, $"The class '{each.Name}' is there twice.");
            classes.Add(each);
        }

        return new ManagementClassDocument(classes, document.DefaultClass);
    }

    private static ManagementClass ReadClass(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Fault(path, "A class is not a JSON object.");
        var read = new ManagementClass { Name = string.Empty };
        var retention = RetentionValues.Default;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!seen.Add(property.Name))
                throw Fault(path, $"The property '{Shown(property.Name)}' is there twice.");
            switch (property.Name)
            {
                case "name":
                    read = read with { Name = Text(property, path) };
                    break;
                case "description":
                    read = read with { Description = Text(property, path) };
                    break;
                case "versionsExist":
                    retention = retention with { VersionsExist = Limit(property, path) };
                    break;
                case "versionsDeleted":
                    retention = retention with { VersionsDeleted = Limit(property, path) };
                    break;
                case "retainExtraDays":
                    retention = retention with { RetainExtraDays = Limit(property, path) };
                    break;
                case "retainOnlyDays":
                    retention = retention with { RetainOnlyDays = Limit(property, path) };
                    break;
                case "keepLast":
                    retention = retention with { KeepLast = Limit(property, path) };
                    break;
                case "keepDaily":
                    retention = retention with { KeepDaily = Limit(property, path) };
                    break;
                case "keepWeekly":
                    retention = retention with { KeepWeekly = Limit(property, path) };
                    break;
                case "keepMonthly":
                    retention = retention with { KeepMonthly = Limit(property, path) };
                    break;
                case "keepYearly":
                    retention = retention with { KeepYearly = Limit(property, path) };
                    break;
                case "keepWithin":
                    retention = retention with { KeepWithin = Text(property, path) };
                    break;
                case "keepTags":
                    retention = retention with { KeepTags = Texts(property, path) };
                    break;
                case "frequencyDays":
                    read = read with { FrequencyDays = Int(property, path, 0, RetentionLimit.Maximum) };
                    break;
                case "serialization":
                    read = OptionKeyword.TryParseSerialization(Text(property, path), out var serialization)
                        ? read with { Serialization = serialization } : throw Bad(property, path);
                    break;
                case "changingRetries":
                    read = read with { ChangingRetries = Int(property, path, 0, 99) };
                    break;
                case "imageType":
                    read = OptionKeyword.TryParseImageType(Text(property, path), out var imageType)
                        ? read with { ImageType = imageType } : throw Bad(property, path);
                    break;
                case "gapSize":
                    read = Options.GapSize.TryParse(Text(property, path), out var gap)
                        ? read with { GapSize = gap } : throw Bad(property, path);
                    break;
                case "chunkSize":
                    read = Options.ChunkSize.TryParse(Text(property, path), out var chunkSize)
                        ? read with { ChunkSize = chunkSize } : throw Bad(property, path);
                    break;
                case "compression":
                    read = OptionKeyword.TryParseCompression(Text(property, path), out var compression)
                        ? read with { Compression = compression } : throw Bad(property, path);
                    break;
                case "snapshotBackupType":
                    read = OptionKeyword.TryParseBackupType(Text(property, path), out var backupType)
                        ? read with { SnapshotBackupType = backupType } : throw Bad(property, path);
                    break;
                default:
                    throw Unknown(property, path);
            }
        }

        try
        {
            return (read with { Retention = retention }).Checked();
        }
        catch (ImageBackupException e)
        {
            throw Fault(path, e.Message, e);
        }
    }

    private static string Text(JsonProperty property, string path) =>
        property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : throw Bad(property, path);

    private static string[] Texts(JsonProperty property, string path)
    {
        if (property.Value.ValueKind != JsonValueKind.Array || property.Value.GetArrayLength() > MaximumTags)
            throw Bad(property, path);
        var texts = new List<string>();
        foreach (JsonElement each in property.Value.EnumerateArray())
            texts.Add(each.ValueKind == JsonValueKind.String ? each.GetString()! : throw Bad(property, path));
        return texts.ToArray();
    }

    private static int Int(JsonProperty property, string path, int minimum, int maximum) =>
        property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetInt32(out var value) && value >= minimum && value <= maximum
            ? value
            : throw Bad(property, path);

    private static RetentionLimit Limit(JsonProperty property, string path) =>
        property.Value.ValueKind == JsonValueKind.String
            ? RetentionLimit.TryParse(property.Value.GetString(), out var limit) ? limit : throw Bad(property, path)
            : Int(property, path, 0, RetentionLimit.Maximum);

    private static ImageBackupException Bad(JsonProperty property, string path) =>
        Fault(path, $"The value of '{property.Name}' cannot be used: {Shown(property.Value.GetRawText())}");

    private static ImageBackupException Unknown(JsonProperty property, string path) =>
        Fault(path, $"There is no property '{Shown(property.Name)}'.");

    private static ImageBackupException Fault(string path, string message, Exception? inner = null) =>
        new(ErrorId.ManagementClassInvalid, $"{path}: {message}", path, inner);

    private static string Shown(string text)
    {
        var shown = new StringBuilder();
        foreach (var c in text)
        {
            shown.Append(char.IsControl(c) ? ' ' : c);
            if (shown.Length == 64)
                return shown.Append("...").ToString();
        }

        return shown.ToString();
    }
}
