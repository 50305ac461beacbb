using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Snapshots;

namespace ImageBackup.Engine.Images.Records;

/// <summary>
/// An administrator's statement that a volume is gone from its machine, as a snapshot record that is not an image (src/FORMAT.md).
/// Where restic drops what it says, the volume counts as present: its images stay.
/// </summary>
internal static class RemovalRecord
{
    public const string Tag = "imagebackup-removed";
    public const string Path = "/imagebackup-removed";
    private const int FormatVersion = 1;

    /// <summary>A statement and no image.</summary>
    public static bool Is(SnapshotRecord snapshot) => snapshot.Tags.Contains(Tag) && !snapshot.Tags.Contains(ImageTag.Name);

    public static SnapshotRecord Make(VolumeRemoval removal, BlobId tree) => new()
    {
        // Of long ago, so that restic's "latest" stays an image.
        Time = DateTimeOffset.FromUnixTimeSeconds(0),
        Tree = tree,
        Paths = [Path, removal.Volume],
        HostName = removal.ComputerName,
        UserName = Environment.UserName,
        Tags = [Tag],
        ProgramVersion = ProgramVersion.Text,
        Summary = Write(removal),
    };

    /// <summary>Null if it cannot be read.</summary>
    public static VolumeRemoval? Read(SnapshotRecord snapshot)
    {
        if (snapshot.Summary is not { } summary)
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(summary);
            JsonElement root = document.RootElement;
            return JsonText.Int(root, "removed") == FormatVersion && JsonText.String(root, "volume") is { } volume
                && JsonText.String(root, "computerName") is { } computer && JsonText.TimeOf(root, "removedAt") is { } at
                ? new VolumeRemoval(volume, computer, at)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[] Write(VolumeRemoval removal)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteNumber("removed", FormatVersion);
            json.WriteString("volume", removal.Volume);
            json.WriteString("computerName", removal.ComputerName);
            json.WriteString("removedAt", JsonText.Time(removal.RemovedAt));
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
