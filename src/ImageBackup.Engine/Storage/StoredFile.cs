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
internal readonly record struct StoredFile(StoredKind Kind, string Name, long LengthBytes);
