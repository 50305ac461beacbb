using System;
using System.Globalization;
using System.IO;
using System.Text.Json;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>The file 'config' (design.rst, "Repository Format"): version, id, and the polynomial of restic's own chunker, which we only carry.</summary>
internal sealed record RepositoryConfig(int Version, string Id, string ChunkerPolynomial)
{
    public static RepositoryConfig Create()
    {
        byte[] id = new byte[32];
        SystemRandom.Fill(id);
        return new RepositoryConfig(RepositoryFormat.Version, Hex.Encode(id),
            ChunkerPolynomialGenerator.Next().ToString("x", CultureInfo.InvariantCulture));
    }

    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteString("id", Id);
            writer.WriteString("chunker_polynomial", ChunkerPolynomial);
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <exception cref="FormatException">Not a config.</exception>
    public static RepositoryConfig Read(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            return new RepositoryConfig(root.GetProperty("version").GetInt32(), root.GetProperty("id").GetString() ?? "",
                JsonText.String(root, "chunker_polynomial") ?? "");
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw new FormatException("The file does not have the format of a config.", e);
        }
    }
}
