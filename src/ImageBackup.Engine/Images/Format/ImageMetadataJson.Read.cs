using System;
using System.Collections.Generic;
using System.Text.Json;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The reading. A member that is missing or null is what the record takes it for; one of another type, or one that must be
/// there and is not, throws what <see cref="JsonText.IsBadJson"/> knows.
/// </summary>
internal static partial class ImageMetadataJson
{
    private static ImageMetadata Read(JsonElement json) => new()
    {
        Schema = json.GetProperty("schema").GetInt32(),
        VolumeName = NeededText(json, "volumeName"),
        VolumeId = Text(json, "volumeId"),
        Identity = Member(json, "identity", out JsonElement identity) ? ReadIdentity(identity) : null,
        DevicePath = Text(json, "devicePath"),
        VolumeKind = (VolumeKind?)Named(json, "volumeKind", typeof(VolumeKind)),
        SizeBytes = json.GetProperty("sizeBytes").GetInt64(),
        SectorSizeBytes = Int(json, "sectorSizeBytes"),
        PhysicalSectorSizeBytes = Int(json, "physicalSectorSizeBytes"),
        MountPoints = List(json, "mountPoints", NeededText),
        Aliases = List(json, "aliases", NeededText),
        PartitionUuid = Text(json, "partitionUuid"),
        PartitionType = Text(json, "partitionType"),
        PartitionLabel = Text(json, "partitionLabel"),
        FileSystem = Member(json, "fileSystem", out JsonElement fileSystem) ? ReadFileSystem(fileSystem) : null,
        ImageType = (ImageType?)Named(json, "imageType", typeof(ImageType)),
        RequestedImageType = (ImageType?)Named(json, "requestedImageType", typeof(ImageType)),
        IsFuzzy = Flag(json, "isFuzzy"),
        SnapshotProvider = Text(json, "snapshotProvider"),
        FailoverReason = Text(json, "failoverReason"),
        SnapshotTime = Time(json, "snapshotTime"),
        SnapshotCacheBytes = Long(json, "snapshotCacheBytes"),
        SnapshotCacheUsedBytes = Long(json, "snapshotCacheUsedBytes"),
        QuiescedBy = Text(json, "quiescedBy") ?? Text(json, "restedBy"),
        ManagementClass = Text(json, "managementClass"),
        Retention = Member(json, "retention", out JsonElement retention) ? ReadRetention(retention) : null,
        Rule = Member(json, "rule", out JsonElement rule) ? ReadRule(rule) : null,
        Options = List(json, "options", ReadOption),
        Start = json.GetProperty("start").GetDateTimeOffset(),
        End = Time(json, "end"),
        ChunkSizeBytes = Int(json, "chunkSizeBytes"),
        GapSizeBytes = Long(json, "gapSizeBytes"),
        UsedBytes = Long(json, "usedBytes"),
        UsedRangeCount = Long(json, "usedRangeCount"),
        UsedMapSource = Text(json, "usedMapSource"),
        Omitted = List(json, Member(json, "omitted", out _) ? "omitted" : "leftOut", ReadOmitted),
        ChunkCount = Long(json, "chunkCount"),
        NewChunkCount = Long(json, "newChunkCount"),
        ZeroChunkCount = Long(json, "zeroChunkCount"),
        StoredBytes = Long(json, "storedBytes"),
        ChunkTags = Text(json, "chunkTags"),
        ReadErrors = List(json, "readErrors", ReadRange),
        Warnings = List(json, "warnings", NeededText),
        ProgramVersion = Text(json, "programVersion"),
    };

    /// <summary>Null: of a later version. A kind that is not known is passed over.</summary>
    private static VolumeIdentity? ReadIdentity(JsonElement json)
    {
        if (json.GetProperty("version").GetInt32() is not VolumeIdentity.CurrentVersion)
            return null;
        var facts = new List<IdentityFact>();
        foreach (JsonElement fact in json.GetProperty("facts").EnumerateArray())
        {
            if (IdentityFact.KindOf(NeededText(fact, "kind")) is { } kind)
                facts.Add(new IdentityFact(kind, NeededText(fact, "value")));
        }
        return VolumeIdentity.Of(facts);
    }

    private static FileSystemDescription ReadFileSystem(JsonElement json) => new()
    {
        Type = NeededText(json, "type"),
        Label = Text(json, "label"),
        Uuid = Text(json, "uuid"),
        DeviceUuid = Text(json, "deviceUuid"),
        Version = Text(json, "version"),
        SizeBytes = Long(json, "sizeBytes"),
        ClusterSizeBytes = Int(json, "clusterSizeBytes"),
        UsedBytes = Long(json, "usedBytes"),
        IsClean = Member(json, "isClean", out JsonElement isClean) ? isClean.GetBoolean() : null,
        IsEncrypted = Flag(json, "isEncrypted"),
    };

    private static RetentionValues ReadRetention(JsonElement json) => new()
    {
        VersionsExist = Limit(json, "versionsExist"),
        VersionsDeleted = Limit(json, "versionsDeleted"),
        RetainExtraDays = Limit(json, "retainExtraDays"),
        RetainOnlyDays = Limit(json, "retainOnlyDays"),
    };

    private static MatchedRule ReadRule(JsonElement json) => new()
    {
        Text = NeededText(json, "text"),
        Path = NeededText(json, "path"),
        Line = json.GetProperty("line").GetInt32(),
        Pattern = Text(json, "pattern"),
        MatchedName = Text(json, "matchedName"),
        IsEnforced = Flag(json, "isEnforced"),
    };

    private static DecidedOption ReadOption(JsonElement json) => new()
    {
        Name = NeededText(json, "name"),
        Value = Text(json, "value"),
        Source = (OptionSource?)Named(json, "source", typeof(OptionSource)) ?? default,
        Where = Text(json, "where"),
    };

    private static OmittedContent ReadOmitted(JsonElement json) => new()
    {
        Path = NeededText(json, "path"),
        SizeBytes = json.GetProperty("sizeBytes").GetInt64(),
        Reason = NeededText(json, "reason"),
    };

    private static ByteRange ReadRange(JsonElement json) => new(json.GetProperty("offsetBytes").GetInt64(), json.GetProperty("lengthBytes").GetInt64());

    private static bool Member(JsonElement json, string name, out JsonElement value) =>
        json.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    private static string? Text(JsonElement json, string name) => Member(json, name, out JsonElement value) ? value.GetString() : null;

    private static string NeededText(JsonElement json, string name) => NeededText(json.GetProperty(name));

    private static string NeededText(JsonElement json) => json.GetString() ?? throw new FormatException("A text that must be there is null.");

    private static int? Int(JsonElement json, string name) => Member(json, name, out JsonElement value) ? value.GetInt32() : null;

    private static long? Long(JsonElement json, string name) => Member(json, name, out JsonElement value) ? value.GetInt64() : null;

    private static bool Flag(JsonElement json, string name) => json.TryGetProperty(name, out JsonElement value) && value.GetBoolean();

    private static DateTimeOffset? Time(JsonElement json, string name) => Member(json, name, out JsonElement value) ? value.GetDateTimeOffset() : null;

    /// <summary>
    /// A retention limit as a number, or "NoLimit". A value that is neither is read as no limit: it keeps the image, and the rest of
    /// what the image says of itself stays readable.
    /// </summary>
    private static RetentionLimit Limit(JsonElement json, string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number is >= 0 and <= RetentionLimit.Maximum
            ? RetentionLimit.Of(number)
            : RetentionLimit.NoLimit;

    /// <summary>An enumeration's value by its name, in any case; never by its number.</summary>
    private static object? Named(JsonElement json, string name, Type type)
    {
        if (Text(json, name) is not { } text)
            return null;
        foreach (object value in Enum.GetValues(type))
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        throw new FormatException($"'{text}' is not a value of {type.Name}.");
    }

    private static T[] List<T>(JsonElement json, string name, Func<JsonElement, T> read)
    {
        if (!Member(json, name, out JsonElement items))
            return Array.Empty<T>();
        var list = new T[items.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in items.EnumerateArray())
            list[count++] = read(item);
        return list;
    }
}
