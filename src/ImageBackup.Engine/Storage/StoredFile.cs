using System;

namespace ImageBackup.Engine.Storage;

/// <summary>The kinds of named files that a storage holds; each has its own place.</summary>
internal enum StoredKind
{
    /// <summary>The one file 'config'; its name is empty.</summary>
    Config,
    Key,
    Lock,
    Snapshot,
    Index,
    Pack,
}

/// <summary>A stored file: its kind, name and length in bytes.</summary>
internal readonly record struct StoredFile(StoredKind Kind, string Name, long LengthBytes)
{
    /// <summary>When it was written, by the storage's own clock; null: the storage does not tell. Asked for of locks only.</summary>
    public DateTimeOffset? ModifiedTime { get; init; }
}
