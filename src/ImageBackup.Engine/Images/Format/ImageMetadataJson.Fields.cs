using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The table of image.json's fields, in their order. It serves both directions (<see cref="JsonFields"/>): a new field of an image
/// is a member of <see cref="ImageMetadata"/> and a line here.
/// </summary>
internal static partial class ImageMetadataJson
{
    private static ImageMetadata Fields(JsonFields json, ImageMetadata? image) => new()
    {
        Schema = json.NeededInt("schema", image?.Schema),
        VolumeName = json.NeededText("volumeName", image?.VolumeName),
        VolumeId = json.Text("volumeId", image?.VolumeId),
        Identity = json.Object("identity", image?.Identity, IdentityFields),
        DevicePath = json.Text("devicePath", image?.DevicePath),
        VolumeKind = (VolumeKind?)json.Named("volumeKind", image?.VolumeKind, typeof(VolumeKind)),
        SizeBytes = json.NeededLong("sizeBytes", image?.SizeBytes),
        SectorSizeBytes = json.Int("sectorSizeBytes", image?.SectorSizeBytes),
        PhysicalSectorSizeBytes = json.Int("physicalSectorSizeBytes", image?.PhysicalSectorSizeBytes),
        MountPoints = json.Texts("mountPoints", image?.MountPoints),
        Aliases = json.Texts("aliases", image?.Aliases),
        PartitionUuid = json.Text("partitionUuid", image?.PartitionUuid),
        PartitionType = json.Text("partitionType", image?.PartitionType),
        PartitionLabel = json.Text("partitionLabel", image?.PartitionLabel),
        FileSystem = json.Object("fileSystem", image?.FileSystem, FileSystemFields),
        ImageType = (ImageType?)json.Named("imageType", image?.ImageType, typeof(ImageType)),
        RequestedImageType = (ImageType?)json.Named("requestedImageType", image?.RequestedImageType, typeof(ImageType)),
        IsFuzzy = json.Flag("isFuzzy", image?.IsFuzzy ?? false),
        SnapshotProvider = json.Text("snapshotProvider", image?.SnapshotProvider),
        FailoverReason = json.Text("failoverReason", image?.FailoverReason),
        SnapshotTime = json.Time("snapshotTime", image?.SnapshotTime),
        SnapshotCacheBytes = json.Long("snapshotCacheBytes", image?.SnapshotCacheBytes),
        SnapshotCacheUsedBytes = json.Long("snapshotCacheUsedBytes", image?.SnapshotCacheUsedBytes),
        QuiescedBy = json.Text("quiescedBy", image?.QuiescedBy, formerName: "restedBy"),
        SnapshotWriters = json.List("snapshotWriters", image?.SnapshotWriters, WriterFields),
        ManagementClass = json.Text("managementClass", image?.ManagementClass),
        Retention = json.Object("retention", image?.Retention, RetentionFields),
        Rule = json.Object("rule", image?.Rule, RuleFields),
        Options = json.List("options", image?.Options, OptionFields),
        Start = json.NeededTime("start", image?.Start),
        End = json.Time("end", image?.End),
        ChunkSizeBytes = json.Int("chunkSizeBytes", image?.ChunkSizeBytes),
        GapSizeBytes = json.Long("gapSizeBytes", image?.GapSizeBytes),
        UsedBytes = json.Long("usedBytes", image?.UsedBytes),
        UsedRangeCount = json.Long("usedRangeCount", image?.UsedRangeCount),
        UsedMapSource = json.Text("usedMapSource", image?.UsedMapSource),
        Omitted = json.List("omitted", image?.Omitted, OmittedFields, formerName: "leftOut"),
        ChunkCount = json.Long("chunkCount", image?.ChunkCount),
        NewChunkCount = json.Long("newChunkCount", image?.NewChunkCount),
        ZeroChunkCount = json.Long("zeroChunkCount", image?.ZeroChunkCount),
        StoredBytes = json.Long("storedBytes", image?.StoredBytes),
        ChunkTags = json.Text("chunkTags", image?.ChunkTags),
        ReadErrors = json.List<ByteRange>("readErrors", image?.ReadErrors, RangeFields),
        Warnings = json.Texts("warnings", image?.Warnings),
        ProgramVersion = json.Text("programVersion", image?.ProgramVersion),
    };

    /// <summary>Null: of a later version. A fact of a kind that is not known is passed over.</summary>
    private static VolumeIdentity? IdentityFields(JsonFields json, VolumeIdentity? identity) =>
        json.NeededInt("version", VolumeIdentity.CurrentVersion) is not VolumeIdentity.CurrentVersion
            ? null
            : VolumeIdentity.Of([.. json.List("facts", (IReadOnlyList<IdentityFact?>?)identity?.Facts, FactFields).OfType<IdentityFact>()]);

    private static IdentityFact? FactFields(JsonFields json, IdentityFact? fact) =>
        IdentityFact.KindOf(json.NeededText("kind", fact is null ? null : IdentityFact.NameOf(fact.Kind))) is { } kind
            ? new IdentityFact(kind, json.NeededText("value", fact?.Value))
            : null;

    private static FileSystemDescription FileSystemFields(JsonFields json, FileSystemDescription? fileSystem) => new()
    {
        Type = json.NeededText("type", fileSystem?.Type),
        Label = json.Text("label", fileSystem?.Label),
        Uuid = json.Text("uuid", fileSystem?.Uuid),
        DeviceUuid = json.Text("deviceUuid", fileSystem?.DeviceUuid),
        Version = json.Text("version", fileSystem?.Version),
        SizeBytes = json.Long("sizeBytes", fileSystem?.SizeBytes),
        ClusterSizeBytes = json.Int("clusterSizeBytes", fileSystem?.ClusterSizeBytes),
        UsedBytes = json.Long("usedBytes", fileSystem?.UsedBytes),
        IsClean = json.OptionalFlag("isClean", fileSystem?.IsClean),
        IsEncrypted = json.Flag("isEncrypted", fileSystem?.IsEncrypted ?? false),
    };

    private static RetentionValues RetentionFields(JsonFields json, RetentionValues? retention) => new()
    {
        VersionsExist = json.Limit("versionsExist", retention?.VersionsExist ?? default),
        VersionsDeleted = json.Limit("versionsDeleted", retention?.VersionsDeleted ?? default),
        RetainExtraDays = json.Limit("retainExtraDays", retention?.RetainExtraDays ?? default),
        RetainOnlyDays = json.Limit("retainOnlyDays", retention?.RetainOnlyDays ?? default),
        KeepLast = json.OptionalLimit("keepLast", retention?.KeepLast),
        KeepDaily = json.OptionalLimit("keepDaily", retention?.KeepDaily),
        KeepWeekly = json.OptionalLimit("keepWeekly", retention?.KeepWeekly),
        KeepMonthly = json.OptionalLimit("keepMonthly", retention?.KeepMonthly),
        KeepYearly = json.OptionalLimit("keepYearly", retention?.KeepYearly),
        KeepWithin = json.Text("keepWithin", retention?.KeepWithin),
        KeepTags = json.OptionalTexts("keepTags", retention?.KeepTags),
    };

    private static SnapshotWriter WriterFields(JsonFields json, SnapshotWriter? writer) => new()
    {
        Name = json.NeededText("name", writer?.Name),
        Id = IdOf(json.NeededText("id", writer?.Id.ToString("D"))),
        InstanceId = IdOf(json.NeededText("instanceId", writer?.InstanceId.ToString("D"))),
        State = json.NeededText("state", writer?.State),
        Failure = json.Text("failure", writer?.Failure),
        Components = json.Texts("components", writer?.Components),
    };

    /// <summary>Empty if it is not one: a later version's.</summary>
    private static Guid IdOf(string text) => Guid.TryParse(text, out Guid id) ? id : Guid.Empty;

    private static MatchedRule RuleFields(JsonFields json, MatchedRule? rule) => new()
    {
        Text = json.NeededText("text", rule?.Text),
        Path = json.NeededText("path", rule?.Path),
        Line = json.NeededInt("line", rule?.Line),
        Pattern = json.Text("pattern", rule?.Pattern),
        MatchedName = json.Text("matchedName", rule?.MatchedName),
        IsEnforced = json.Flag("isEnforced", rule?.IsEnforced ?? false),
    };

    private static DecidedOption OptionFields(JsonFields json, DecidedOption? option) => new()
    {
        Name = json.NeededText("name", option?.Name),
        Value = json.Text("value", option?.Value),
        Source = (OptionSource?)json.Named("source", option?.Source, typeof(OptionSource)) ?? default,
        Where = json.Text("where", option?.Where),
    };

    private static OmittedContent OmittedFields(JsonFields json, OmittedContent? file) => new()
    {
        Path = json.NeededText("path", file?.Path),
        SizeBytes = json.NeededLong("sizeBytes", file?.SizeBytes),
        Reason = json.NeededText("reason", file?.Reason),
    };

    private static ByteRange RangeFields(JsonFields json, ByteRange range) =>
        new(json.NeededLong("offsetBytes", range.OffsetBytes), json.NeededLong("lengthBytes", range.LengthBytes));
}
