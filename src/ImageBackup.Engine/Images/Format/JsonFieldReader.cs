using System;
using System.Collections.Generic;
using System.Text.Json;

namespace ImageBackup.Engine.Images.Format;

/// <summary>Reads the fields of one object. A field that is null counts as missing.</summary>
internal sealed class JsonFieldReader(JsonElement json) : JsonFields
{
    public override string NeededText(string name, string? value) => TextOf(json.GetProperty(name));

    public override int NeededInt(string name, int? value) => json.GetProperty(name).GetInt32();

    public override long NeededLong(string name, long? value) => json.GetProperty(name).GetInt64();

    public override DateTimeOffset NeededTime(string name, DateTimeOffset? value) => json.GetProperty(name).GetDateTimeOffset();

    public override string? Text(string name, string? value, string? formerName = null) => Find(name, formerName)?.GetString();

    public override int? Int(string name, int? value) => Find(name)?.GetInt32();

    public override long? Long(string name, long? value) => Find(name)?.GetInt64();

    public override DateTimeOffset? Time(string name, DateTimeOffset? value) => Find(name)?.GetDateTimeOffset();

    public override bool Flag(string name, bool value) => json.TryGetProperty(name, out JsonElement found) && found.GetBoolean();

    public override bool? OptionalFlag(string name, bool? value) => Find(name)?.GetBoolean();

    /// <summary>In any case; never by its number.</summary>
    public override object? Named(string name, Enum? value, Type type)
    {
        if (Text(name, null) is not { } text)
            return null;
        foreach (object known in Enum.GetValues(type))
        {
            if (string.Equals(known.ToString(), text, StringComparison.OrdinalIgnoreCase))
                return known;
        }
        throw new FormatException($"'{text}' is not a {type.Name}.");
    }

    /// <summary>
    /// What is neither a number nor "NoLimit" is read as no limit: it keeps the image, and the rest of what the image says of
    /// itself stays readable.
    /// </summary>
    public override RetentionLimit Limit(string name, RetentionLimit value) =>
        json.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out int number) && number is >= 0 and <= RetentionLimit.Maximum
            ? RetentionLimit.Of(number)
            : RetentionLimit.NoLimit;

    public override RetentionLimit? OptionalLimit(string name, RetentionLimit? value) => Find(name) is null ? null : Limit(name, default);

    public override IReadOnlyList<string> OptionalTexts(string name, IReadOnlyList<string>? values) => Texts(name, values);

    public override IReadOnlyList<string> Texts(string name, IReadOnlyList<string>? values) => ListOf(Find(name), TextOf);

    public override IReadOnlyList<T> List<T>(string name, IReadOnlyList<T>? items, Func<JsonFields, T?, T> fields, string? formerName = null)
        where T : default =>
        ListOf(Find(name, formerName), item => fields(new JsonFieldReader(item), default));

    public override T? Object<T>(string name, T? value, Func<JsonFields, T?, T?> fields)
        where T : class => Find(name) is { } found ? fields(new JsonFieldReader(found), null) : null;

    private JsonElement? Find(string name, string? formerName = null) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value
        : formerName is not null && json.TryGetProperty(formerName, out value) && value.ValueKind != JsonValueKind.Null ? value
        : null;

    private static string TextOf(JsonElement json) => json.GetString() ?? throw new FormatException("A text that must be there is null.");

    private static T[] ListOf<T>(JsonElement? items, Func<JsonElement, T> read)
    {
        if (items is not { } array)
            return Array.Empty<T>();
        var list = new T[array.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in array.EnumerateArray())
            list[count++] = read(item);
        return list;
    }
}
