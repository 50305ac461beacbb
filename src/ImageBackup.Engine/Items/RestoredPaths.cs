using System;
using System.Collections.Generic;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Items;

/// <summary>What a path at the target is to a restore.</summary>
internal enum RestoredPath
{
    /// <summary>Nothing of this restore.</summary>
    Free,

    /// <summary>The same item, which was asked for twice.</summary>
    SameItem,

    /// <summary>Another item, whose name is the same here.</summary>
    AnotherItem,
}

/// <summary>
/// The paths that a restore has made, and of which items. Of each only hashes are kept, some 60 bytes whatever its length: a restore may
/// have millions.
/// </summary>
internal sealed class RestoredPaths(bool ignoresCase) : IDisposable
{
    private readonly Dictionary<(ulong, ulong), ulong> _items = [];
    private readonly SHA256 _hash = SHA256.Create();

    /// <summary>Notes a path at the target as an item's, if it is free.</summary>
    public RestoredPath Add(string target, string item)
    {
        (ulong, ulong) key = Hash(ignoresCase ? target.ToUpperInvariant() : target);
        ulong itemHash = Hash(item).Item1;
        if (!_items.TryGetValue(key, out ulong known))
        {
            _items.Add(key, itemHash);
            return RestoredPath.Free;
        }
        return known == itemHash ? RestoredPath.SameItem : RestoredPath.AnotherItem;
    }

    // Unpaired surrogates are told apart: UTF-16 as it is.
    private (ulong, ulong) Hash(string text)
    {
        var bytes = new byte[text.Length * sizeof(char)];
        for (int i = 0; i < text.Length; i++)
        {
            bytes[2 * i] = (byte)text[i];
            bytes[2 * i + 1] = (byte)(text[i] >> 8);
        }
        byte[] hash = _hash.ComputeHash(bytes);
        return (BitConverter.ToUInt64(hash, 0), BitConverter.ToUInt64(hash, 8));
    }

    public void Dispose() => _hash.Dispose();
}
