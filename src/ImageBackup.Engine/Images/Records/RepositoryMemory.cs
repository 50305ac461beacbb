using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Images.Records;

/// <summary>The policy of the highest revision that this machine has seen in a repository.</summary>
internal sealed record SeenPolicy(int Revision, string? SnapshotId, byte[] Rules, byte[] Classes, DateTimeOffset? ModifiedAt, string? ComputerName, string? UserName);

/// <summary>When a repository was checked, and what came of it.</summary>
internal sealed record RepositoryCheckMark(DateTimeOffset At, bool IsHealthy);

/// <summary>The newest image that this machine has made of a volume.</summary>
internal sealed record SeenImage(string ComputerName, string Volume, string Id, DateTimeOffset Time);

/// <summary>
/// What this machine has seen of a repository. Who can write to a repository can put an older state back without its password;
/// only somebody who remembers notices. A file of the machine's (of the user's, who is not root), private to its owner: losing
/// it loses the memory and nothing else.
/// </summary>
internal sealed class RepositoryMemory
{
    private const int Version = 1;
    private const int MaxFileBytes = 32 << 20;
    private const int MaxImages = 4096;
    private readonly string? _path;

    /// <param name="path">The file; null: nothing is remembered.</param>
    internal RepositoryMemory(string? path) => _path = path;

    /// <summary>Nothing is remembered.</summary>
    internal static RepositoryMemory None { get; } = new(null);

    /// <summary>This machine's memory of a repository.</summary>
    public static RepositoryMemory Of(string repositoryId) =>
        new(Folder is { } folder && Hex.IsName(repositoryId) ? Path.Combine(folder, "repositories", repositoryId + ".json") : null);

    private static string? Folder => MachineFolders.IsMachineWide ? MachineFolders.LastingState : MachineFolders.UserState;

    /// <summary>Null: none was seen, or it is not known any more.</summary>
    internal SeenPolicy? Policy => Read().Policy;

    /// <summary>Replaces what is remembered of the policy; null: forgets it.</summary>
    /// <returns>Null; or why it could not be noted.</returns>
    internal string? NotePolicy(SeenPolicy? policy) => Change(content => content with { Policy = policy });

    /// <summary>Null: this machine has made none of the volume that it remembers.</summary>
    internal SeenImage? NewestOf(string computerName, string volume) => Read().Images.Find(image => IsOf(image, computerName, volume));

    internal IReadOnlyList<SeenImage> Images => Read().Images;

    /// <summary>Remembers an image as its volume's newest.</summary>
    internal string? NoteImage(SeenImage seen) => Change(content =>
    {
        List<SeenImage> images = [seen, .. content.Images.Where(image => !IsOf(image, seen.ComputerName, seen.Volume))];
        return content with { Images = images.Count > MaxImages ? images.GetRange(0, MaxImages) : images };
    });

    /// <summary>Images that were removed on purpose, or whose absence was told, are not missed.</summary>
    public void Forget(IReadOnlyCollection<string> imageIds)
    {
        if (imageIds.Count > 0 && Read().Images.Exists(image => imageIds.Contains(image.Id)))
            _ = Change(content => content with { Images = [.. content.Images.Where(image => !imageIds.Contains(image.Id))] });
    }

    private static bool IsOf(SeenImage image, string computerName, string volume) =>
        image.Volume == volume && string.Equals(image.ComputerName, computerName, StringComparison.OrdinalIgnoreCase);

    /// <summary>This machine's last check of the repository; null: none that it remembers.</summary>
    internal RepositoryCheckMark? LastCheck => Read().Check;

    internal DateTimeOffset? LastOptimize => Read().Optimized;

    internal string? NoteCheck(RepositoryCheckMark check) => Change(content => content with { Check = check });

    internal string? NoteOptimize(DateTimeOffset at) => Change(content => content with { Optimized = at });

    private sealed record Content(SeenPolicy? Policy, List<SeenImage> Images)
    {
        public RepositoryCheckMark? Check { get; init; }
        public DateTimeOffset? Optimized { get; init; }
    }

    private string? Change(Func<Content, Content> change)
    {
        if (_path is null)
            return "this user has no place for it";
        try
        {
            DurableFiles.CreatePrivateDirectory(Path.GetDirectoryName(_path)!);
            using IDisposable? guard = FileModes.TryLock(_path + ".lock");
            return guard is null ? $"'{_path}' is being written by another process" : StateFile.TryWrite(_path, Write(change(Read())));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return e.Message;
        }
    }

    private Content Read()
    {
        if (_path is null || StateFile.TryRead(_path, MaxFileBytes) is not { } text)
            return new Content(null, []);
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8 });
            JsonElement root = document.RootElement;
            if (root.GetProperty("version").GetInt32() != Version)
                return new Content(null, []);
            var images = new List<SeenImage>();
            foreach (JsonElement image in root.GetProperty("images").EnumerateArray())
            {
                if (JsonText.String(image, "id") is { } id && Hex.IsName(id) && images.Count < MaxImages)
                    images.Add(new SeenImage(JsonText.String(image, "computer") ?? "", JsonText.String(image, "volume") ?? "", id, image.GetProperty("time").GetDateTimeOffset()));
            }
            SeenPolicy? policy = root.TryGetProperty("policy", out JsonElement seen)
                ? new SeenPolicy(seen.GetProperty("revision").GetInt32(), JsonText.String(seen, "snapshot"), seen.GetProperty("rules").GetBytesFromBase64(),
                    seen.GetProperty("classes").GetBytesFromBase64(),
                    seen.TryGetProperty("modifiedAt", out JsonElement at) ? at.GetDateTimeOffset() : null, JsonText.String(seen, "computer"), JsonText.String(seen, "user"))
                : null;
            return new Content(policy, images)
            {
                Check = root.TryGetProperty("checked", out JsonElement check)
                    ? new RepositoryCheckMark(check.GetProperty("time").GetDateTimeOffset(), check.GetProperty("healthy").GetBoolean())
                    : null,
                Optimized = root.TryGetProperty("optimized", out JsonElement optimized) ? optimized.GetDateTimeOffset() : null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            // Cut by a full disk: as if it were the first time.
            return new Content(null, []);
        }
    }

    private static string Write(Content content)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            if (content.Policy is { } policy)
            {
                json.WriteStartObject("policy");
                json.WriteNumber("revision", policy.Revision);
                json.WriteString("snapshot", policy.SnapshotId);
                json.WriteString("computer", policy.ComputerName);
                json.WriteString("user", policy.UserName);
                if (policy.ModifiedAt is { } at)
                    json.WriteString("modifiedAt", at);
                json.WriteBase64String("rules", policy.Rules);
                json.WriteBase64String("classes", policy.Classes);
                json.WriteEndObject();
            }
            if (content.Check is { } check)
            {
                json.WriteStartObject("checked");
                json.WriteString("time", check.At);
                json.WriteBoolean("healthy", check.IsHealthy);
                json.WriteEndObject();
            }
            if (content.Optimized is { } optimized)
                json.WriteString("optimized", optimized);
            json.WriteStartArray("images");
            foreach (SeenImage image in content.Images)
            {
                json.WriteStartObject();
                json.WriteString("computer", image.ComputerName);
                json.WriteString("volume", image.Volume);
                json.WriteString("id", image.Id);
                json.WriteString("time", image.Time);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
