using System;
using System.Collections.Generic;
using System.Text.Json;
using ImageBackup.Engine.Policy.Classes;

namespace ImageBackup.Engine.Images.Format;

/// <summary>Writes the fields of the object that was begun last.</summary>
internal sealed class JsonFieldWriter(Utf8JsonWriter json) : JsonFields
{
    public override string NeededText(string name, string? value)
    {
        json.WriteString(name, value);
        return value!;
    }

    public override int NeededInt(string name, int? value)
    {
        json.WriteNumber(name, value!.Value);
        return value.Value;
    }

    public override long NeededLong(string name, long? value)
    {
        json.WriteNumber(name, value!.Value);
        return value.Value;
    }

    public override DateTimeOffset NeededTime(string name, DateTimeOffset? value)
    {
        json.WriteString(name, value!.Value);
        return value.Value;
    }

    public override string? Text(string name, string? value, string? formerName = null)
    {
        if (value is not null)
            json.WriteString(name, value);
        return value;
    }

    public override int? Int(string name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
        return value;
    }

    public override long? Long(string name, long? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
        return value;
    }

    public override DateTimeOffset? Time(string name, DateTimeOffset? value)
    {
        if (value is { } time)
            json.WriteString(name, time);
        return value;
    }

    public override bool Flag(string name, bool value)
    {
        json.WriteBoolean(name, value);
        return value;
    }

    public override bool? OptionalFlag(string name, bool? value)
    {
        if (value is { } flag)
            json.WriteBoolean(name, flag);
        return value;
    }

    public override object? Named(string name, Enum? value, Type type)
    {
        if (value is not null)
            json.WriteString(name, value.ToString());
        return value;
    }

    public override RetentionLimit Limit(string name, RetentionLimit value)
    {
        RetentionValuesJson.Write(json, name, value);
        return value;
    }

    public override RetentionLimit? OptionalLimit(string name, RetentionLimit? value) => value is { } limit ? Limit(name, limit) : null;

    public override IReadOnlyList<string> OptionalTexts(string name, IReadOnlyList<string>? values) => values is { Count: > 0 } ? Texts(name, values) : [];

    public override IReadOnlyList<string> Texts(string name, IReadOnlyList<string>? values)
    {
        json.WriteStartArray(name);
        foreach (string text in values!)
            json.WriteStringValue(text);
        json.WriteEndArray();
        return values;
    }

    public override IReadOnlyList<T> List<T>(string name, IReadOnlyList<T>? items, Func<JsonFields, T?, T> fields, string? formerName = null)
        where T : default
    {
        json.WriteStartArray(name);
        foreach (T item in items!)
        {
            json.WriteStartObject();
            fields(this, item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        return items;
    }

    public override T? Object<T>(string name, T? value, Func<JsonFields, T?, T?> fields)
        where T : class
    {
        if (value is null)
            return null;
        json.WriteStartObject(name);
        fields(this, value);
        json.WriteEndObject();
        return value;
    }
}
