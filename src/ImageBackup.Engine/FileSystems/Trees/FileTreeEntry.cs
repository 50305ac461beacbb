using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>What an entry of a directory is.</summary>
internal enum FileTreeKind
{
    File,
    Directory,
    SymbolicLink,
    BlockDevice,
    CharacterDevice,
    Fifo,
    Socket,

    /// <summary>Something that only the file system's own drivers know: a reparse point of another kind. <see cref="FileTreeEntry.Refusal"/> names it.</summary>
    Other,
}

/// <summary>One file, directory or link of an <see cref="IFileTree"/>. Immutable; good as long as its tree is.</summary>
internal sealed record FileTreeEntry
{
    /// <summary>
    /// Without a path. Bytes that are not UTF-8 are kept reversibly (<see cref="UnixFileName"/>); a name of UTF-16 is as it is, and may
    /// have unpaired surrogates. May hold anything that its file system allows, a separator of another system too.
    /// </summary>
    public required string Name { get; init; }

    public required FileTreeKind Kind { get; init; }

    /// <summary>The number by which the file system knows it: inode, file record, object id; on FAT and exFAT where it begins. With <see cref="VolumePart"/> the same for all names of one file.</summary>
    public required ulong FileId { get; init; }

    /// <summary>The subvolume (btrfs); 0 elsewhere.</summary>
    public ulong VolumePart { get; init; }

    /// <summary>Length of the content in bytes; 0 for what is not a file or a link.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Bytes that are allocated for the content, as the file system counts them; null if it does not.</summary>
    public long? AllocatedBytes { get; init; }

    /// <summary>How many names the file has; 1 if the file system has no hard links.</summary>
    public long LinkCount { get; init; } = 1;

    public FileTreeTime? Modified { get; init; }

    /// <summary>The last access.</summary>
    public FileTreeTime? Accessed { get; init; }

    /// <summary>The last change of the metadata (ctime; NTFS: the record's change).</summary>
    public FileTreeTime? Changed { get; init; }

    /// <summary>The creation (btime, crtime).</summary>
    public FileTreeTime? Created { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky (07777), without the type; null on file systems of Windows.</summary>
    public int? Permissions { get; init; }

    public uint? UserId { get; init; }
    public uint? GroupId { get; init; }

    /// <summary>The SID of the owner (S-1-5-...); null on file systems that keep none.</summary>
    public string? OwnerSid { get; init; }

    /// <summary>Windows' attributes (read-only, hidden, ...); null on file systems of Unix.</summary>
    public FileAttributesOfWindows? Attributes { get; init; }

    /// <summary>What <see cref="IFileTree.ListStreams"/> answers, if the listing knows it already; null: it has to be asked.</summary>
    public IReadOnlyList<FileTreeStream>? Streams { get; init; }

    /// <summary>Major and minor number of a device.</summary>
    public (uint Major, uint Minor)? Device { get; init; }

    /// <summary>Why its content cannot be read ("it is encrypted by EFS"); null if nothing is known to be in the way.</summary>
    public string? Refusal { get; init; }

    /// <summary>What the tree itself wants to find again; nobody else looks.</summary>
    public object? Handle { get; init; }
}

/// <summary>The attributes that FAT, exFAT and NTFS keep, by the numbers of Windows (FILE_ATTRIBUTE_*).</summary>
[Flags]
internal enum FileAttributesOfWindows
{
    None = 0,
    ReadOnly = 0x1,
    Hidden = 0x2,
    System = 0x4,
    Directory = 0x10,
    Archive = 0x20,
    Sparse = 0x200,
    ReparsePoint = 0x400,
    Compressed = 0x800,
    Offline = 0x1000,
    NotContentIndexed = 0x2000,
    Encrypted = 0x4000,
}

/// <summary>A moment in UTC: seconds since 1970 and nanoseconds, for the range of every file system (NTFS: years 1601 to 60056).</summary>
internal readonly record struct FileTreeTime(long Seconds, int Nanoseconds)
{
    private const long TicksAtUnixEpoch = 621_355_968_000_000_000;
    private const long FileTimeAtUnixEpochSeconds = 11_644_473_600;

    /// <summary>From Windows' count of 100 ns since 1601.</summary>
    public static FileTreeTime FromFileTime(ulong fileTime) =>
        new((long)(fileTime / TimeSpan.TicksPerSecond) - FileTimeAtUnixEpochSeconds, (int)(fileTime % TimeSpan.TicksPerSecond) * 100);

    /// <summary>To 100 ns; null if it lies outside of the years 1 to 9999.</summary>
    public DateTime? ToDateTime()
    {
        const long firstSecond = -TicksAtUnixEpoch / TimeSpan.TicksPerSecond, endSecond = 253_402_300_800;
        return Seconds < firstSecond || Seconds >= endSecond || Nanoseconds is < 0 or >= 1_000_000_000
            ? null
            : new DateTime(TicksAtUnixEpoch + Seconds * TimeSpan.TicksPerSecond + Nanoseconds / 100, DateTimeKind.Utc);
    }
}
