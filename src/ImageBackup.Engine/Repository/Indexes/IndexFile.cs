using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>One pack and its blobs, as an index file lists them.</summary>
internal sealed record IndexedPack(BlobId PackId, IReadOnlyList<PackEntry> Blobs);

/// <summary>An index file's JSON (design.rst, "Indexing"), written and read without an object per blob.</summary>
internal static class IndexFile
{
    public static byte[] Write(IReadOnlyCollection<IndexedPack> packs, IReadOnlyCollection<string> supersedes)
    {
        using var stream = new MemoryStream();
        using (var text = new IndexText(stream, supersedes))
        {
            foreach (IndexedPack pack in packs)
                text.Add(pack);
            text.End();
        }
        return stream.ToArray();
    }

    /// <summary>
    /// Reads an index; <paramref name="onPack"/> is called when a pack's object has ended. Format 1's oldest indexes were
    /// a bare array of packs; both are read. Unknown members are passed over.
    /// </summary>
    /// <exception cref="FormatException">Not an index.</exception>
    public static List<string> Read(ReadOnlySpan<byte> json, Action<IndexedPack> onPack)
    {
        var supersedes = new List<string>();
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 16 });
            Expect(reader.Read(), "is empty");
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                ReadPacks(ref reader, onPack);
                ExpectEnd(ref reader);
                return supersedes;
            }
            Expect(reader.TokenType == JsonTokenType.StartObject, "is not an object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isPacks = reader.ValueTextEquals("packs"u8), isSupersedes = reader.ValueTextEquals("supersedes"u8);
                reader.Read();
                if (isPacks && reader.TokenType == JsonTokenType.StartArray)
                {
                    ReadPacks(ref reader, onPack);
                }
                else if (isSupersedes && reader.TokenType == JsonTokenType.StartArray)
                {
                    while (reader.Read() && reader.TokenType == JsonTokenType.String)
                        supersedes.Add(reader.GetString()!);
                    Expect(reader.TokenType == JsonTokenType.EndArray, "supersedes something that is not a name");
                }
                else
                {
                    reader.Skip();
                }
            }
            ExpectEnd(ref reader);
            return supersedes;
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The index is not valid JSON of an index.", e);
        }
    }

    private static void ReadPacks(ref Utf8JsonReader reader, Action<IndexedPack> onPack)
    {
        // Packs of one writer hold about as many blobs each: a list that grows would take twice the memory.
        int usualCount = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            BlobId packId = default;
            var blobs = new List<PackEntry>(usualCount);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("id"u8))
                {
                    reader.Read();
                    packId = Id(ref reader);
                }
                else if (reader.ValueTextEquals("blobs"u8))
                {
                    reader.Read();
                    if (reader.TokenType == JsonTokenType.StartArray)
                    {
                        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                            blobs.Add(ReadBlob(ref reader));
                        Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in a blob's place");
                    }
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }
            Expect(!packId.IsNull, "has a pack without an id");
            usualCount = Math.Min(blobs.Count, 1024);
            onPack(new IndexedPack(packId, blobs));
        }
        Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in a pack's place");
    }

    private static PackEntry ReadBlob(ref Utf8JsonReader reader)
    {
        BlobId id = default;
        BlobType? type = null;
        uint offset = 0, length = 0, uncompressed = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("id"u8))
            {
                reader.Read();
                id = Id(ref reader);
            }
            else if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                type = reader.ValueTextEquals("data"u8) ? BlobType.Data : reader.ValueTextEquals("tree"u8) ? BlobType.Tree : null;
            }
            else if (reader.ValueTextEquals("offset"u8))
            {
                reader.Read();
                offset = reader.GetUInt32();
            }
            else if (reader.ValueTextEquals("length"u8))
            {
                reader.Read();
                length = reader.GetUInt32();
            }
            else if (reader.ValueTextEquals("uncompressed_length"u8))
            {
                reader.Read();
                uncompressed = reader.GetUInt32();
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
        Expect(type is not null && !id.IsNull, "has a blob without an id or of an unknown type");
        Expect(length >= Sealer.OverheadBytes && length <= RepositoryFormat.BlobLimitBytes && uncompressed <= RepositoryFormat.BlobLimitBytes,
            "has a blob of an impossible length");
        return new PackEntry(id, type!.Value, offset, length, uncompressed);
    }

    private static BlobId Id(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && !reader.HasValueSequence && BlobId.TryParse(reader.ValueSpan, out BlobId id))
            return id;
        throw new FormatException("The index has something else in an id's place.");
    }

    /// <summary>A reader that stopped early must not pass for one that read everything.</summary>
    private static void ExpectEnd(ref Utf8JsonReader reader) => Expect(!reader.Read(), "goes on after its end");

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new FormatException($"The index {what}.");
    }
}
