using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using ImageBackup.Engine.Images.Format;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Format;

public sealed class ImageMetadataJsonTests
{
    private static readonly ImageMetadata s_full = new()
    {
        VolumeName = "/dev/sda1 ü",
        VolumeId = "/imagebackup-volume/gptPartition/d/p",
        Identity = VolumeIdentity.Of([new IdentityFact(IdentityFactKind.GptPartition, "d/p"), new IdentityFact(IdentityFactKind.FileSystem, "u")]),
        DevicePath = "/dev/sda1",
        VolumeKind = VolumeKind.BlockDevice,
        SizeBytes = 1L << 45,
        SectorSizeBytes = 4096,
        PhysicalSectorSizeBytes = 4096,
        MountPoints = ["/mnt/a b", "/x"],
        Aliases = ["/dev/disk/by-uuid/1"],
        PartitionUuid = "p",
        PartitionType = "t",
        PartitionLabel = "pl",
        FileSystem = new FileSystemDescription { Type = "ext4", Label = "l", Uuid = "u", DeviceUuid = "d", Version = "1.0", SizeBytes = 1L << 44, IsClean = false, ClusterSizeBytes = 4096, UsedBytes = 5, IsEncrypted = true },
        ImageType = ImageType.Snapshot,
        RequestedImageType = ImageType.Static,
        IsFuzzy = true,
        SnapshotProvider = "LVM",
        FailoverReason = "none \"left\" <&>",
        SnapshotTime = new DateTimeOffset(2026, 1, 2, 3, 4, 4, 123, TimeSpan.Zero),
        SnapshotCacheBytes = 1L << 33,
        SnapshotCacheUsedBytes = 1L << 32,
        QuiescedBy = "remount",
        SnapshotWriters = [new SnapshotWriter { Name = "W", Id = Guid.Parse("afbab4a2-367d-4d15-a586-71dbb18f8485"), InstanceId = Guid.Empty, State = "stable", Failure = "f", Components = ["a\\b"] }],
        ManagementClass = "STANDARD",
        Retention = new RetentionValues
        {
            VersionsExist = 7,
            VersionsDeleted = 0,
            RetainExtraDays = RetentionLimit.NoLimit,
            RetainOnlyDays = 9999,
            KeepLast = 1,
            KeepDaily = 7,
            KeepWeekly = RetentionLimit.NoLimit,
            KeepMonthly = 12,
            KeepYearly = 3,
            KeepWithin = "1y6m14d12h",
            KeepTags = ["a,b", "c"],
        },
        Rule = new MatchedRule { Text = "include.image /dev/sd* GOLD", Path = "/etc/imagebackup/image.rules", Line = 12, Pattern = "/dev/sd*", MatchedName = "/dev/sda1", IsEnforced = true },
        Options =
        [
            new DecidedOption { Name = "ImageType", Value = "static", Source = OptionSource.Rule, Where = "/etc/imagebackup/image.rules(12)" },
            new DecidedOption { Name = "SnapshotProvider", Source = OptionSource.BuiltIn },
        ],
        Start = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)),
        End = new DateTimeOffset(2026, 1, 2, 3, 4, 6, TimeSpan.FromHours(1)),
        ChunkSizeBytes = 1 << 20,
        GapSizeBytes = 32768,
        UsedBytes = 1L << 40,
        UsedRangeCount = 7,
        UsedMapSource = "ext4",
        ChunkCount = 1 << 25,
        NewChunkCount = 3,
        ZeroChunkCount = 4,
        StoredBytes = 5,
        ChunkTags = new string('a', 64),
        ReadErrors = [new ByteRange(1L << 40, 512)],
        Warnings = ["w"],
        Omitted = [new OmittedContent { Path = @"a\b", SizeBytes = 9, Reason = "r" }],
        ProgramVersion = "ImageBackup 1",
    };

    /// <summary>What a serializer would write of the same record, so that no member is forgotten.</summary>
    private static readonly JsonSerializerOptions s_serializer = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        IgnoreReadOnlyProperties = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AddInternalMembers } },
        Converters = { new JsonStringEnumConverter(), new LimitConverter(), new IdentityConverter() },
    };

    /// <summary>The one that images were made with before: it wrote the computed end of a range too.</summary>
    private static readonly JsonSerializerOptions s_serializerOfBefore = new(s_serializer) { IgnoreReadOnlyProperties = false };

    [Fact]
    public void Every_member_is_written()
    {
        Assert.Empty(MembersWithoutValue(s_full));
        Assert.Equal(Fields(JsonSerializer.SerializeToUtf8Bytes(s_full, s_serializer)), Fields(ImageMetadataJson.Write(s_full)));
    }

    /// <summary>By name: the order is the table's, and the members' own is another.</summary>
    private static List<(string Name, string Json)> Fields(byte[] json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateObject().Select(field => (field.Name, field.Value.GetRawText())).Order()];
    }

    /// <summary>Members that the public object hides are in the file all the same.</summary>
    private static void AddInternalMembers(JsonTypeInfo type)
    {
        if (type.Type != typeof(ImageMetadata))
            return;
        foreach (PropertyInfo member in typeof(ImageFacts).GetProperties(BindingFlags.NonPublic | BindingFlags.Instance).Where(member => member.CanWrite))
        {
            JsonPropertyInfo field = type.CreateJsonPropertyInfo(member.PropertyType, JsonNamingPolicy.CamelCase.ConvertName(member.Name));
            field.Get = member.GetValue;
            type.Properties.Add(field);
        }
    }

    [Fact]
    public void Reads_what_a_serializer_writes()
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(s_full, s_serializerOfBefore);
        Assert.Contains("endBytes", Encoding.UTF8.GetString(json), StringComparison.Ordinal);
        Assert.Equal(ImageMetadataJson.Write(s_full), ImageMetadataJson.Write(ImageMetadataJson.Read(json)!));
    }

    [Fact]
    public void Round_trip()
    {
        ImageMetadata? read = ImageMetadataJson.Read(ImageMetadataJson.Write(s_full));
        Assert.NotNull(read);
        Assert.Equal(Without(s_full), Without(read));
        Assert.Equal(s_full.MountPoints, read.MountPoints);
        Assert.Equal(s_full.Aliases, read.Aliases);
        Assert.Equal(s_full.ReadErrors, read.ReadErrors);
        Assert.Equal(s_full.Warnings, read.Warnings);
        Assert.Equal(s_full.Omitted, read.Omitted);
        Assert.Equal(s_full.Options, read.Options);
        Assert.Equal(s_full.Identity!.Facts, read.Identity!.Facts);
    }

    [Theory]
    [InlineData("""{"version":1,"facts":[{"kind":"mbrDisk","value":"1"},{"kind":"ofLater","value":"x"}]}""", "MBR disk 1")]
    [InlineData("""{"version":1,"facts":[]}""", "nothing that identifies it")]
    [InlineData("""{"version":2,"facts":[{"kind":"mbrDisk","value":"1"}]}""", null)]
    public void What_a_later_version_says_of_identity_is_passed_over(string identity, string? read) => Assert.Equal(read,
        ImageMetadataJson.Read(Encoding.UTF8.GetBytes($$"""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","identity":{{identity}}}"""))!.Identity?.ToString());

    [Fact]
    public void The_least_there_can_be()
    {
        ImageMetadata? read = ImageMetadataJson.Read("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","later":{"a":[1]}}"""u8.ToArray());
        Assert.NotNull(read);
        Assert.Equal(("x", 5L), (read.VolumeName, read.SizeBytes));
        Assert.Empty(read.Warnings);
        Assert.Equal((null, null, 0), (read.Retention, read.Rule, read.Options.Count));
    }

    [Theory]
    [InlineData("""{"versionsExist":3}""", "3", "NoLimit")]
    [InlineData("""{"versionsExist":"NoLimit","retainOnlyDays":4}""", "NoLimit", "4")]
    [InlineData("""{"versionsExist":-1,"retainOnlyDays":10000}""", "NoLimit", "NoLimit")]
    [InlineData("""{"versionsExist":{"a":[1,2]},"retainOnlyDays":[3]}""", "NoLimit", "NoLimit")]
    [InlineData("""{"versionsExist":1.5,"retainOnlyDays":true,"later":1}""", "NoLimit", "NoLimit")]
    public void A_limit_that_cannot_be_read_keeps(string retention, string versionsExist, string retainOnlyDays)
    {
        ImageMetadata? read = ImageMetadataJson.Read(Encoding.UTF8.GetBytes(
            $$"""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","retention":{{retention}},"managementClass":"C"}"""));
        Assert.Equal((versionsExist, retainOnlyDays, "C"), ($"{read!.Retention!.VersionsExist}", $"{read.Retention.RetainOnlyDays}", read.ManagementClass));
    }

    [Fact]
    public void A_list_that_is_null_is_empty()
    {
        ImageMetadata? read = ImageMetadataJson.Read("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","warnings":null,"readErrors":null,"mountPoints":null,"aliases":null,"leftOut":null,"options":null,"rule":null,"retention":null}"""u8.ToArray());
        Assert.NotNull(read);
        Assert.Equal((0, 0, 0, 0), (read.Warnings.Count, read.ReadErrors.Count, read.MountPoints.Count, read.Aliases.Count));
    }

    [Fact]
    public void The_summary_cuts_long_lists()
    {
        ImageMetadata many = s_full with { Warnings = Enumerable.Range(0, 1000).Select(i => $"{i}").ToArray(), ReadErrors = Enumerable.Range(0, 1000).Select(i => new ByteRange(i, 1)).ToArray() };
        ImageMetadata? read = ImageMetadataJson.Read(ImageMetadataJson.WriteSummary(many));
        Assert.Equal((32, 32), (read!.Warnings.Count, read.ReadErrors.Count));
        Assert.Equal(1000, ImageMetadataJson.Read(ImageMetadataJson.Write(many))!.Warnings.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"schema":2,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":0,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":-5,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":null,"sizeBytes":5,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","warnings":[null]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","chunkSizeBytes":-1}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","chunkSizeBytes":0}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","leftOut":[null]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","leftOut":[{"path":"a","sizeBytes":-1,"reason":"r"}]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","leftOut":[{"path":null,"sizeBytes":1,"reason":"r"}]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","options":[null]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","options":[{"name":null}]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","options":[{"name":"a","source":9}]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","rule":{"text":null,"path":"p","line":1}}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","rule":{"text":"t"}}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","imageType":"Other"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","imageType":77}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","imageType":"1"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","imageType":"Static,Dynamic"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","isFuzzy":null}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","isFuzzy":1}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5.5,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":"5","start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":9223372036854775808,"start":"2026-01-02T03:04:05Z"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"yesterday"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","mountPoints":"/"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","mountPoints":[1]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","readErrors":[{"offsetBytes":1}]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","readErrors":[null]}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","fileSystem":{}}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z","fileSystem":"ext4"}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z"} {}""")]
    [InlineData("""{"schema":1,"volumeName":"x","sizeBytes":5,"start":"2026-01-02T03:04:05Z",}""")]
    [InlineData("""{"schema":1,"volumeName":"\ud800","sizeBytes":5,"start":"2026-01-02T03:04:05Z"}""")]
    public void What_is_not_ours_is_none(string json) => Assert.Null(ImageMetadataJson.Read(Encoding.UTF8.GetBytes(json)));

    /// <summary>Members, at any depth, that a test of all of them would not notice.</summary>
    private static IEnumerable<string> MembersWithoutValue(object record) =>
        from property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance)
        where property.CanWrite
        let value = property.GetValue(record)
        from name in value is null || value is false || value is IEnumerable items && !items.Cast<object>().Any() ? [property.Name]
            : value is FileSystemDescription or MatchedRule or RetentionValues ? MembersWithoutValue(value).Select(inner => $"{property.Name}.{inner}") : []
        where name is not ("FileSystem.IsClean" or "FileSystem.Marks")
        select name;

    private sealed class LimitConverter : JsonConverter<RetentionLimit>
    {
        public override RetentionLimit Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, RetentionLimit value, JsonSerializerOptions options)
        {
            if (value.Value is { } number)
                writer.WriteNumberValue(number);
            else
                writer.WriteStringValue("NoLimit");
        }
    }

    private sealed class IdentityConverter : JsonConverter<VolumeIdentity>
    {
        public override VolumeIdentity Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, VolumeIdentity value, JsonSerializerOptions options)
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteStartArray("facts");
            foreach (IdentityFact fact in value.Facts)
            {
                writer.WriteStartObject();
                writer.WriteString("kind", JsonNamingPolicy.CamelCase.ConvertName(fact.Kind.ToString()));
                writer.WriteString("value", fact.Value);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    private static ImageMetadata Without(ImageMetadata metadata) => metadata with { Identity = null, MountPoints = [], Aliases = [], ReadErrors = [], Warnings = [], Omitted = [], Options = [] };
}
