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

    /// <summary>A read failed (a bad disk, a vanished share, a server that cannot answer now).</summary>
    ReadError,

    /// <summary>A write, rename or flush failed.</summary>
    WriteError,

    /// <summary>No connection to the server: no route, refused, its name is not known, no answer.</summary>
    Unreachable,

    /// <summary>The server's certificate is not trusted, or ours is not by the server.</summary>
    Untrusted,

    /// <summary>The server does not take the name and password.</summary>
    LoginRefused,

    /// <summary>The server lets nothing be removed.</summary>
    RemovalForbidden,

    /// <summary>Nothing of the repository is there, not even the folder of a kind.</summary>
    Gone,

    /// <summary>There is not such a bucket or container.</summary>
    NoContainer,

    /// <summary>The bucket keeps nothing from being removed, and is asked to.</summary>
    NoObjectLock,

    /// <summary>The bucket is in another region than requests are signed for.</summary>
    WrongRegion,

    /// <summary>The server does not take requests of this machine's time.</summary>
    ClockSkewed,

    /// <summary>A login for a time is over.</summary>
    LoginExpired,

    /// <summary>A program that speaks to the server for us cannot be started or is not the right one.</summary>
    NoProgram,
}

/// <summary>The only exception of the storage layer.</summary>
internal sealed class StorageException(StorageProblem problem, string path, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public StorageProblem Problem { get; } = problem;
    public string Path { get; } = path;

    /// <summary>The server says when it is worth trying again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The same call would fail again, whatever the problem is called.</summary>
    public bool IsPermanent { get; init; }

    /// <summary>Whether the same call may succeed a little later.</summary>
    public bool IsTransient => !IsPermanent && Problem is StorageProblem.ReadError or StorageProblem.WriteError or StorageProblem.Unreachable;
}
