using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One file, directory or link inside of an image, as <c>Get-ImageItem</c> gives it. Names as those of Get-ChildItem; times are local. Property types
/// are plain, so that CSV and JSON show them.
/// </summary>
public sealed record ImageItem
{
    /// <summary>Bytes of a Linux name that are not UTF-8 are single surrogates, U+DC80 to U+DCFF.</summary>
    public required string Name { get; init; }

    /// <summary>From the volume's root, with the separator of the image's system.</summary>
    public required string FullName { get; init; }

    /// <summary>The path of the directory that it lies in; empty for the root.</summary>
    public required string DirectoryName { get; init; }

    /// <summary>File, Directory, SymbolicLink, BlockDevice, CharacterDevice, Fifo, Socket, Other.</summary>
    public required string Type { get; init; }

    /// <summary>In bytes; null if it is not a file.</summary>
    public long? Length { get; init; }

    /// <summary>Null if the file system does not keep it, or it lies outside of the years 1 to 9999.</summary>
    public DateTime? LastWriteTime { get; init; }
    public DateTime? CreationTime { get; init; }
    public DateTime? LastAccessTime { get; init; }

    /// <summary>The last change of the metadata.</summary>
    public DateTime? ChangeTime { get; init; }

    /// <summary>As Get-ChildItem writes it on the image's system: <c>-rw-r--r--</c> or <c>-a---</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>Numbers of the owner and the group; null on file systems of Windows.</summary>
    public long? UserId { get; init; }
    public long? GroupId { get; init; }

    /// <summary>The SID of the owner on NTFS (S-1-5-32-544); null on other file systems.</summary>
    public string? OwnerSid { get; init; }

    /// <summary>Where a symbolic link leads, as it is written there.</summary>
    public string? LinkTarget { get; init; }
    public long LinkCount { get; init; }

    /// <summary>The names of the other streams of the file (NTFS).</summary>
    public IReadOnlyList<string> Streams { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>Why the content cannot be read; null if nothing is known to be in the way.</summary>
    public string? Problem { get; init; }

    /// <summary>What is to know of all files of its image: a journal that was not replayed, for example. Empty if nothing is.</summary>
    public IReadOnlyList<string> Notes { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The image that it is in, and the image's repository.</summary>
    public required string ImageId { get; init; }
    public string? Repository { get; init; }

    /// <summary>The path.</summary>
    public override string ToString() => DisplayText.Line(FullName);
}
