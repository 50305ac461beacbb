using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>The JSON that restic reads and writes: times as Go writes them, no needless escapes, absent rather than null.</summary>
internal static class JsonText
{
    /// <summary>Relaxed escaping: the default would write a '+' in a time zone as \u002B.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// RFC 3339 as Go writes it: no zeros at the end of the fraction, and "Z" for UTC. restic's <c>repair snapshots</c> writes trees
    /// anew, and takes one whose bytes then differ for a damaged one.
    /// </summary>
    public static string Time(DateTimeOffset time) =>
        time.ToString(time.Offset == TimeSpan.Zero ? "yyyy-MM-ddTHH:mm:ss.FFFFFFF'Z'" : "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);

    public static string? String(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static long? Long(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : null;

    public static int? Int(JsonElement element, string name) => Long(element, name) is long number and >= int.MinValue and <= int.MaxValue ? (int)number : null;

    public static bool? Bool(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;

    /// <summary>A time; null if there is none, or if it is neither RFC 3339's nor ISO 8601's.</summary>
    public static DateTimeOffset? TimeOf(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out JsonElement value) || value.ValueKind != JsonValueKind.String)
            return null;
        return Rfc3339.TryParse(value.GetString()!, out DateTimeOffset time) || value.TryGetDateTimeOffset(out time) ? time : null;
    }

    public static IReadOnlyList<string> Strings(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out JsonElement value) || value.ValueKind != JsonValueKind.Array)
            return Array.Empty<string>();
        var strings = new List<string>();
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.String)
                strings.Add(item.GetString()!);
        }
        return strings;
    }

    /// <summary>What System.Text.Json throws for text that is not the JSON asked for.</summary>
    public static bool IsBadJson(Exception e) =>
        e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException;
}
