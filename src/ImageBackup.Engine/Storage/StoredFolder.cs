using System;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Storage;

/// <summary>The folders of restic's layout (design.rst, "Repository Layout").</summary>
internal static class StoredFolder
{
    /// <summary>The folder of a kind, without a separator; the config has none.</summary>
    public static string Of(StoredKind kind) => kind switch
    {
        StoredKind.Key => "keys",
        StoredKind.Lock => "locks",
        StoredKind.Snapshot => "snapshots",
        StoredKind.Index => "index",
        StoredKind.Pack => "data",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The key of a file in an object store, below the repository's prefix: restic's default layout, <c>data/xx/NAME</c>.</summary>
    /// <exception cref="ArgumentException">The name is not one of a stored file.</exception>
    public static string KeyOf(StoredKind kind, string name)
    {
        if (kind == StoredKind.Config)
            return "config";
        if (!Hex.IsName(name))
            throw new ArgumentException("A stored file's name is 64 hexadecimal digits.", nameof(name));
        return Of(kind) + "/" + (kind == StoredKind.Pack ? $"{name[0]}{name[1]}/" : "") + name;
    }
}
