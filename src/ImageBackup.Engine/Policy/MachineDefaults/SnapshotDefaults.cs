using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.MachineDefaults;

/// <summary>
/// The machine's defaults for quiet and frozen volumes: what applies if neither command line, rule, class nor a client-wide
/// statement says anything. Null: the built-in value.
/// </summary>
internal sealed record SnapshotDefaults
{
    private const int MaximumBytes = 256 << 10;
    private const int MaximumTextLength = 4096;
    private const int MaximumListLength = 256;
    private const int MaximumSeconds = 24 * 60 * 60;

    public static SnapshotDefaults Empty { get; } = new();

    /// <summary>A provider's name, or NONE: no snapshots.</summary>
    public string? Provider { get; init; }

    /// <summary>Room for the blocks that change meanwhile, in percent of the volume, 1 to 100.</summary>
    public int? CacheSizePercent { get; init; }
    public string? CacheLocation { get; init; }
    public TimeSpan? IdleWait { get; init; }
    public int? IdleRetries { get; init; }

    /// <summary>The longest that a step of taking a snapshot may take.</summary>
    public TimeSpan? SnapshotTimeout { get; init; }

    /// <summary>The longest that a command before or after the snapshot may take.</summary>
    public TimeSpan? CommandTimeout { get; init; }
    public int? WriterRetries { get; init; }
    public string? CreateCommand { get; init; }
    public string? RemoveCommand { get; init; }
    public IReadOnlyList<string> IncludeWriters { get; init; } = [];
    public IReadOnlyList<string> ExcludeWriters { get; init; } = [];

    /// <summary>Those of a file; empty if there is none.</summary>
    /// <exception cref="ImageBackupException">PolicyReadFailed, ParameterInvalid: the file has a fault; nothing of it applies.</exception>
    public static SnapshotDefaults Load(string path) => PolicyFile.TryRead(path, MaximumBytes) is { } bytes ? Parse(bytes, path) : Empty;

    /// <summary>Reads, changes and writes in one step with respect to other writers.</summary>
    /// <exception cref="ImageBackupException">PolicyReadFailed, PolicyWriteFailed, ParameterInvalid.</exception>
    public static SnapshotDefaults Edit(string path, Func<SnapshotDefaults, SnapshotDefaults> change)
    {
        byte[]? before = PolicyFile.TryRead(path, MaximumBytes);
        SnapshotDefaults changed = change(before is null ? Empty : Parse(before, path)).Checked();
        PolicyFile.Write(path, changed.Write(), before, MaximumBytes);
        return changed;
    }

    /// <summary>The same, its values checked.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public SnapshotDefaults Checked()
    {
        Require(Provider is null || OptionKeyword.IsProviderName(Provider), "A provider's name has 1 to 64 letters, digits, _ and -.");
        Require(CacheSizePercent is null or (>= 1 and <= 100), "The cache size is 1 to 100 percent.");
        Require(IdleRetries is null or (>= 0 and <= 9999), "Idle retries are 0 to 9999.");
        Require(WriterRetries is null or (>= 0 and <= 99), "Writer retries are 0 to 99.");
        Require(IsTime(IdleWait, TimeSpan.Zero, 999), "The idle wait is 0 to 999 seconds.");
        Require(IsTime(SnapshotTimeout, TimeSpan.FromSeconds(1), MaximumSeconds), "The snapshot timeout is 1 second to a day.");
        Require(IsTime(CommandTimeout, TimeSpan.FromSeconds(1), MaximumSeconds), "The command timeout is 1 second to a day.");
        foreach (string? text in new[] { CacheLocation, CreateCommand, RemoveCommand })
            Require(text is null || IsText(text), "A text has 1 to 4096 characters on one line.");
        foreach (IReadOnlyList<string> list in new[] { IncludeWriters, ExcludeWriters })
        {
            Require(list.Count <= MaximumListLength, "A list has at most 256 writers.");
            foreach (string writer in list)
                Require(IsText(writer), "A writer's name has 1 to 4096 characters on one line.");
        }
        return this;
    }

    internal static SnapshotDefaults Parse(byte[] bytes, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 4, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new FormatException("it is not a JSON object");
            return new SnapshotDefaults
            {
                Provider = Text(root, "provider"),
                CacheSizePercent = Number(root, "cacheSizePercent"),
                CacheLocation = Text(root, "cacheLocation"),
                IdleWait = Time(root, "idleWaitSeconds"),
                IdleRetries = Number(root, "idleRetries"),
                SnapshotTimeout = Time(root, "snapshotTimeoutSeconds"),
                CommandTimeout = Time(root, "commandTimeoutSeconds"),
                WriterRetries = Number(root, "writerRetries"),
                CreateCommand = Text(root, "createCommand"),
                RemoveCommand = Text(root, "removeCommand"),
                IncludeWriters = Texts(root, "includeWriters"),
                ExcludeWriters = Texts(root, "excludeWriters"),
            }.Checked();
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or ImageBackupException or OverflowException)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"{path} has an error, so none of its values are used: {e.Message}", path, e);
        }
    }

    internal byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            Put(writer, "provider", Provider);
            Put(writer, "cacheSizePercent", CacheSizePercent);
            Put(writer, "cacheLocation", CacheLocation);
            Put(writer, "idleWaitSeconds", IdleWait?.TotalSeconds);
            Put(writer, "idleRetries", IdleRetries);
            Put(writer, "snapshotTimeoutSeconds", SnapshotTimeout?.TotalSeconds);
            Put(writer, "commandTimeoutSeconds", CommandTimeout?.TotalSeconds);
            Put(writer, "writerRetries", WriterRetries);
            Put(writer, "createCommand", CreateCommand);
            Put(writer, "removeCommand", RemoveCommand);
            Put(writer, "includeWriters", IncludeWriters);
            Put(writer, "excludeWriters", ExcludeWriters);
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static void Put(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }

    private static void Put(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }

    private static void Put(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        writer.WriteStartArray(name);
        foreach (string value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }

    private static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static int? Number(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : null;

    private static TimeSpan? Time(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement value))
            return null;
        double seconds = value.GetDouble();
        return seconds is >= 0 and <= MaximumSeconds
            ? TimeSpan.FromMilliseconds(Math.Round(seconds * 1000))
            : throw new FormatException(string.Format(CultureInfo.InvariantCulture, "{0} is not 0 to {1}", name, MaximumSeconds));
    }

    private static List<string> Texts(JsonElement root, string name)
    {
        var texts = new List<string>();
        if (root.TryGetProperty(name, out JsonElement value))
        {
            foreach (JsonElement item in value.EnumerateArray())
                texts.Add(item.GetString() ?? "");
        }
        return texts;
    }

    private static bool IsTime(TimeSpan? time, TimeSpan least, int mostSeconds) => time is null || (time >= least && time.Value.TotalSeconds <= mostSeconds);

    private static bool IsText(string text) => text.Trim().Length > 0 && text.Length <= MaximumTextLength && text.IndexOfAny(['\n', '\r', '\0']) < 0;

    private static void Require(bool isSo, string otherwise)
    {
        if (!isSo)
            throw new ImageBackupException(ErrorId.ParameterInvalid, otherwise);
    }
}
