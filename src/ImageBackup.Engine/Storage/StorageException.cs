using System;

namespace ImageBackup.Engine.Storage;

/// <summary>What kind of failure a storage met.</summary>
internal enum StorageProblem
{
    NotFound,
    AccessDenied,
    ReadOnly,
    Full,
    TooLarge,
    TooShort,

    /// <summary>A link, a pipe, a device or a directory lies in the file's place.</summary>
    NotRegular,

    /// <summary>A directory of the layout is a link; nothing is written or removed through it.</summary>
    Linked,

    /// <summary>Something else lies where a directory of the layout belongs.</summary>
    NotADirectory,

    /// <summary>A read failed (a bad disk, a vanished share).</summary>
    ReadError,

    /// <summary>A write, rename or flush failed.</summary>
    WriteError,
}

/// <summary>The only exception of the storage layer.</summary>
internal sealed class StorageException(StorageProblem problem, string path, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public StorageProblem Problem { get; } = problem;
    public string Path { get; } = path;
}
