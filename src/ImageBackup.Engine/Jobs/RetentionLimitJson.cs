using System;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImageBackup.Engine.Policy;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// A retention limit as a number, or "NoLimit". What is neither is read as no limit: it keeps the image, and the rest
/// of what the image says of itself stays readable.
/// </summary>
internal sealed class RetentionLimitJson : JsonConverter<RetentionLimit>
{
    public override RetentionLimit Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            reader.Skip();
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int value) && value is >= 0 and <= RetentionLimit.Maximum
            ? RetentionLimit.Of(value)
            : RetentionLimit.NoLimit;
    }

    public override void Write(Utf8JsonWriter writer, RetentionLimit value, JsonSerializerOptions options)
    {
        if (value.Value is { } number)
            writer.WriteNumberValue(number);
        else
            writer.WriteStringValue(value.ToString());
    }
}
