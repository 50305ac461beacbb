using System;
using System.Collections.Generic;
using System.Text.Json;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>
/// Reads a tree's JSON in parts of any length, so that the list of a large volume's chunks is in memory neither as text nor as a list.
/// Unknown members and values are passed over; where ids belong, only nothing may stand instead of them.
/// </summary>
/// <param name="nodes">Gets the nodes; null: nobody needs them, and a node may be of any kind, even without a name.</param>
/// <param name="onContent">Gets each id of a node's content, and the nodes have none; null: they have.</param>
/// <param name="onSubtree">Gets each id of a subtree.</param>
internal sealed class TreeParser(List<TreeNode>? nodes, Action<BlobId>? onContent, Action<BlobId>? onSubtree)
{
    private enum Place
    {
        Start,
        Root,
        RootValue,
        Nodes,
        Node,
        NodeValue,
        Content,
        End,
    }

    private enum Member
    {
        Other,
        Nodes,
        Name,
        Type,
        Size,
        ModifiedTime,
        Content,
        Subtree,
    }

    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = 32 });
    private Place _place;
    private Member _member;

    /// <summary>The depth of an object or an array that is passed over; -1: none is.</summary>
    private int _passedDepth = -1;

    private string? _name;
    private string? _type;
    private long _sizeBytes;
    private DateTimeOffset _time;
    private List<BlobId>? _content;
    private BlobId? _subtree;

    /// <summary>Takes the next bytes, and says how many it has taken; those that are left are the beginning of the next part.</summary>
    /// <param name="bytes">What was left of the part before, and what comes behind it.</param>
    /// <param name="isLast">Nothing comes behind them.</param>
    /// <exception cref="FormatException">Not a tree.</exception>
    public int Parse(ReadOnlySpan<byte> bytes, bool isLast)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, isLast, _state);
            while (reader.Read())
                Take(ref reader);
            Expect(!isLast || _place == Place.End, "is empty");
            _state = reader.CurrentState;
            return checked((int)reader.BytesConsumed);
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The tree is not valid JSON of a tree.", e);
        }
    }

    private void Take(ref Utf8JsonReader reader)
    {
        JsonTokenType token = reader.TokenType;
        if (_passedDepth >= 0)
        {
            if (token is JsonTokenType.EndObject or JsonTokenType.EndArray && reader.CurrentDepth == _passedDepth)
                _passedDepth = -1;
            return;
        }
        switch (_place)
        {
            case Place.Content:
                TakeContent(ref reader);
                break;
            case Place.Node:
                TakeMember(ref reader);
                break;
            case Place.NodeValue:
                _place = Place.Node;
                TakeValue(ref reader);
                break;
            case Place.Nodes:
                Expect(token is JsonTokenType.StartObject or JsonTokenType.EndArray, "has something else in a node's place");
                _place = token == JsonTokenType.EndArray ? Place.Root : Place.Node;
                break;
            case Place.Start:
                Expect(token == JsonTokenType.StartObject, "is not an object");
                _place = Place.Root;
                break;
            case Place.Root:
                _member = token == JsonTokenType.PropertyName && reader.ValueTextEquals("nodes"u8) ? Member.Nodes : Member.Other;
                _place = token == JsonTokenType.PropertyName ? Place.RootValue : Place.End;
                break;
            case Place.RootValue:
                bool isNodes = _member == Member.Nodes && token == JsonTokenType.StartArray;
                _place = isNodes ? Place.Nodes : Place.Root;
                if (!isNodes)
                    Pass(ref reader);
                break;
            default:
                throw new FormatException("The tree goes on after its end.");
        }
    }

    private void TakeContent(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            _place = Place.Node;
            return;
        }
        Expect(reader.TokenType == JsonTokenType.String, "has something else in an id's place");
        BlobId id = Id(ref reader);
        if (onContent is not null)
            onContent(id);
        else
            _content!.Add(id);
    }

    private void TakeMember(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.EndObject)
        {
            EndNode();
            _place = Place.Nodes;
            return;
        }
        _member = reader.ValueTextEquals("content"u8) ? Member.Content
            : reader.ValueTextEquals("subtree"u8) ? Member.Subtree
            : nodes is null ? Member.Other
            : reader.ValueTextEquals("name"u8) ? Member.Name
            : reader.ValueTextEquals("type"u8) ? Member.Type
            : reader.ValueTextEquals("size"u8) ? Member.Size
            : reader.ValueTextEquals("mtime"u8) ? Member.ModifiedTime
            : Member.Other;
        _place = Place.NodeValue;
    }

    private void TakeValue(ref Utf8JsonReader reader)
    {
        JsonTokenType token = reader.TokenType;
        switch (_member)
        {
            case Member.Name:
                _name = reader.GetString();
                break;
            case Member.Type:
                _type = reader.GetString();
                break;
            case Member.Size:
                Expect(reader.TryGetInt64(out _sizeBytes) && _sizeBytes >= 0, "has a node of an impossible size");
                break;
            case Member.ModifiedTime:
                _ = reader.TryGetDateTimeOffset(out _time);
                break;
            case Member.Content when token == JsonTokenType.StartArray:
                _content = onContent is null ? new List<BlobId>() : null;
                _place = Place.Content;
                break;
            case Member.Subtree when token == JsonTokenType.String:
                BlobId subtree = Id(ref reader);
                _subtree = subtree;
                onSubtree?.Invoke(subtree);
                break;
            default:
                Expect(_member == Member.Other || token == JsonTokenType.Null, "has something else in an id's place");
                Pass(ref reader);
                break;
        }
    }

    private void EndNode()
    {
        if (nodes is null)
            return;
        Expect(_name is not null && _type is not null, "has a node without a name or type");
        nodes.Add(new TreeNode
        {
            Name = _name!,
            Type = _type!,
            SizeBytes = _sizeBytes,
            Time = _time,
            Content = (IReadOnlyList<BlobId>?)_content ?? Array.Empty<BlobId>(),
            Subtree = _subtree,
        });
        (_name, _type, _sizeBytes, _time, _content, _subtree) = (null, null, 0, default, null, null);
    }

    /// <summary>Passes over a value: one token, or all up to the end of what it begins.</summary>
    private void Pass(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            _passedDepth = reader.CurrentDepth;
    }

    private static BlobId Id(ref Utf8JsonReader reader)
    {
        Expect(BlobId.TryParse(reader.ValueSpan, out BlobId id), "has something else in an id's place");
        return id;
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new FormatException($"The tree {what}.");
    }
}
