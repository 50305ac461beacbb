using System;

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
}
