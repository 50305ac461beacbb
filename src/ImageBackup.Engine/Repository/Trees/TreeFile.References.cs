using System;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>What a tree refers to, without a list of it.</summary>
internal static partial class TreeFile
{
    /// <summary>
    /// Calls back for every data blob and every subtree that any node names. A node of a kind that is not known here, or
    /// one that names its content twice, refers to all of it: in doubt, a blob is in use.
    /// </summary>
    /// <exception cref="FormatException">Not a tree.</exception>
    public static void References(ReadOnlySpan<byte> json, Action<BlobId, BlobType> onReference)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 32 });
            Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "is not an object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isNodes = reader.ValueTextEquals("nodes"u8);
                reader.Read();
                if (!isNodes || reader.TokenType != JsonTokenType.StartArray)
                {
                    reader.Skip();
                    continue;
                }
                while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                    NodeReferences(ref reader, onReference);
                Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in a node's place");
            }
            Expect(!reader.Read(), "goes on after its end");
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The tree is not valid JSON of a tree.", e);
        }
    }

    private static void NodeReferences(ref Utf8JsonReader reader, Action<BlobId, BlobType> onReference)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isContent = reader.ValueTextEquals("content"u8), isSubtree = reader.ValueTextEquals("subtree"u8);
            reader.Read();
            if (isContent && reader.TokenType == JsonTokenType.StartArray)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.String)
                    onReference(Id(ref reader), BlobType.Data);
                Expect(reader.TokenType == JsonTokenType.EndArray, "has something else in an id's place");
            }
            else if (isSubtree && reader.TokenType == JsonTokenType.String)
            {
                onReference(Id(ref reader), BlobType.Tree);
            }
            else
            {
                // Where ids belong, only nothing may stand instead of them.
                Expect(!(isContent || isSubtree) || reader.TokenType == JsonTokenType.Null, "has something else in an id's place");
                reader.Skip();
            }
        }
    }

    private static BlobId Id(ref Utf8JsonReader reader)
    {
        Expect(BlobId.TryParse(reader.ValueSpan, out BlobId id), "has something else in an id's place");
        return id;
    }
}
