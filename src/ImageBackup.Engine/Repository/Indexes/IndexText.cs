using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>An index file's JSON (design.rst, "Indexing"), written pack by pack: nothing of a pack is held once it was added.</summary>
internal sealed class IndexText : IDisposable
{
    /// <summary>So many blobs are handed over at once: what stays in the processor's caches.</summary>
    private const int BlobsOfAPart = 256;

    private readonly Utf8JsonWriter _writer;

    /// <param name="target">Gets the text.</param>
    /// <param name="supersedes">The names of the index files in whose place it comes.</param>
    public IndexText(Stream target, IReadOnlyCollection<string> supersedes)
    {
        _writer = new Utf8JsonWriter(target, JsonText.WriterOptions);
        _writer.WriteStartObject();
        if (supersedes.Count > 0)
        {
            _writer.WriteStartArray("supersedes");
            foreach (string name in supersedes)
                _writer.WriteStringValue(name);
            _writer.WriteEndArray();
        }
        _writer.WriteStartArray("packs");
    }

    public void Add(IndexedPack pack)
    {
        Span<byte> hex = stackalloc byte[BlobId.SizeBytes * 2];
        _writer.WriteStartObject();
        pack.PackId.CopyHexTo(hex);
        _writer.WriteString("id", hex);
        _writer.WriteStartArray("blobs");
        for (int i = 0; i < pack.Blobs.Count; i++)
        {
            PackEntry blob = pack.Blobs[i];
            _writer.WriteStartObject();
            blob.Id.CopyHexTo(hex);
            _writer.WriteString("id", hex);
            _writer.WriteString("type", blob.Type == BlobType.Tree ? "tree" : "data");
            _writer.WriteNumber("offset", blob.OffsetBytes);
            _writer.WriteNumber("length", blob.LengthBytes);
            if (blob.UncompressedLengthBytes != 0)
                _writer.WriteNumber("uncompressed_length", blob.UncompressedLengthBytes);
            _writer.WriteEndObject();
            if (i % BlobsOfAPart == BlobsOfAPart - 1)
                _writer.Flush();
        }
        _writer.WriteEndArray();
        _writer.WriteEndObject();
        _writer.Flush();
    }

    /// <summary>Ends the text.</summary>
    public void End()
    {
        _writer.WriteEndArray();
        _writer.WriteEndObject();
        _writer.Flush();
    }

    public void Dispose() => _writer.Dispose();
}
