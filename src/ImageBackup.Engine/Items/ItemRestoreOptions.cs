using System;

namespace ImageBackup.Engine.Items;

/// <summary>How files are restored out of an image.</summary>
internal sealed record ItemRestoreOptions
{
    /// <summary>The directory below which files are made; it is made too. Links on the way to it are the user's own.</summary>
    public required string Destination { get; init; }

    /// <summary>Replace files and links that are there. A directory is never replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Owners, setuid, setgid and sticky, extended attributes; on Windows the attributes and, of NTFS, owners and access lists.</summary>
    public bool PreservePermissions { get; init; }

    /// <summary>The other streams of files too (NTFS to NTFS).</summary>
    public bool IncludeStreams { get; init; }

    /// <summary>All files straight into the destination, without their directories.</summary>
    public bool Flatten { get; init; }

    /// <summary>Threads that write the files of directories, so many at most as do not wait for one another at a directory; 0: the calling one.</summary>
    public int WriterCount { get; init; } = Math.Min(Environment.ProcessorCount, 4);
}
