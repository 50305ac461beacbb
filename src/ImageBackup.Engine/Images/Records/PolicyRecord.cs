using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Engine.Images.Records;

/// <summary>
/// How a repository's policy lies in a snapshot record (src/FORMAT.md): a tag, two files, and a copy of them in the snapshot record's
/// JSON if they are small.
/// </summary>
internal static class PolicyRecord
{
    public const string Tag = "imagebackup-policy";
    public const string Path = "/imagebackup-policy";
    public const string RulesFile = "image.rules";
    public const string ClassesFile = "classes.json";

    private const int FormatVersion = 1;

    /// <summary>Every listing reads the snapshot records: a larger policy is read from the tree.</summary>
    private const int InlineLimitBytes = 256 << 10;

    /// <summary>
    /// The revision as the snapshot record's time, in seconds of 1970: "latest" stays an image, and of several the later
    /// revision is the later snapshot record, whatever the machines' clocks say.
    /// </summary>
    public static DateTimeOffset TimeOf(int revision) => DateTimeOffset.FromUnixTimeSeconds(revision);

    public static int RevisionOf(SnapshotRecord snapshot) => RevisionAt(snapshot.Time);

    /// <summary>The revision that a policy's snapshot record of this time has.</summary>
    public static int RevisionAt(DateTimeOffset time) => (int)Math.Max(0, Math.Min(int.MaxValue, time.ToUnixTimeSeconds()));

    /// <summary>A policy and no image: tags are anybody's, so the path says it too.</summary>
    public static bool Is(SnapshotRecord snapshot) =>
        snapshot.Tags.Contains(Tag) && !snapshot.Tags.Contains(ImageTag.Name) && snapshot.Paths.Count == 1 && snapshot.Paths[0] == Path;

    public static SnapshotRecord Make(int revision, BlobId tree, (byte[] Rules, byte[] Classes) files, DateTimeOffset modifiedAt, string hostName, string userName) => new()
    {
        Time = TimeOf(revision),
        Tree = tree,
        Paths = [Path],
        HostName = hostName,
        UserName = userName,
        Tags = [Tag],
        ProgramVersion = ProgramVersion.Text,
        Summary = Summary(files.Rules, files.Classes, modifiedAt),
    };

    /// <summary>Null if restic dropped the copy, or it is not one that this version knows.</summary>
    public static (byte[] Rules, byte[] Classes)? Inline(SnapshotRecord snapshot) => Read(snapshot, root =>
        root.TryGetProperty("rules", out JsonElement rules) && rules.TryGetBytesFromBase64(out byte[]? ruleBytes)
        && root.TryGetProperty("classes", out JsonElement classes) && classes.TryGetBytesFromBase64(out byte[]? classBytes)
            ? ((byte[], byte[])?)(ruleBytes, classBytes)
            : null);

    public static DateTimeOffset? ModifiedAt(SnapshotRecord snapshot) => Read(snapshot, root =>
        root.TryGetProperty("modifiedAt", out JsonElement time) && time.TryGetDateTimeOffset(out DateTimeOffset at) ? at : (DateTimeOffset?)null);

    private static T? Read<T>(SnapshotRecord snapshot, Func<JsonElement, T?> read)
        where T : struct
    {
        if (snapshot.Summary is not { } summary)
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(summary);
            JsonElement root = document.RootElement;
            return root.TryGetProperty("policy", out JsonElement version) && version.TryGetInt32(out int number) && number == FormatVersion ? read(root) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static byte[] Summary(byte[] rules, byte[] classes, DateTimeOffset modifiedAt)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("policy", FormatVersion);
            json.WriteString("modifiedAt", modifiedAt.ToString("o", CultureInfo.InvariantCulture));
            if (rules.Length + classes.Length <= InlineLimitBytes)
            {
                json.WriteBase64String("rules", rules);
                json.WriteBase64String("classes", classes);
            }
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
