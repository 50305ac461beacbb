using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>The directories and files of one file system, read from the raw bytes of its volume.</summary>
/// <remarks>
/// Contract: any thread, several at once. Only <see cref="IBlockReader"/>'s methods are used, so it works on images, files and live
/// volumes alike; the reader stays the caller's. The bytes are hostile: every length is bounded before it is used, a directory that
/// refers to itself costs no more than its blocks, and the only exceptions are <see cref="FileSystemFormatException"/> (damaged, or of
/// a feature that is refused, which the message names), <see cref="BlockReadException"/> (passed on) and
/// <see cref="System.OperationCanceledException"/>. What is wrong with one file or directory does not keep the others from being read.
/// </remarks>
internal interface IFileTree
{
    /// <summary>The root directory. Its name is empty.</summary>
    FileTreeEntry Root { get; }

    /// <summary>What a user should know of the whole tree: a journal that was not replayed, a feature that is refused. Sentences.</summary>
    IReadOnlyList<string> Notes { get; }

    /// <summary>Whether two names that differ only in case are one name to <see cref="Find"/>: NTFS, FAT, exFAT.</summary>
    bool IgnoresCase { get; }

    /// <summary>The entries of a directory, without "." and "..", in an order that suits the volume. Lazy: the first come before the directory was read to its end.</summary>
    /// <exception cref="FileSystemFormatException">Not a directory, or damaged: entries that came before are good.</exception>
    IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation);

    /// <summary>One entry of a directory by its name, by the directory's own index if it has one; null if it has no such entry.</summary>
    /// <exception cref="FileSystemFormatException">As <see cref="List"/>.</exception>
    FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation);

    /// <summary>
    /// The bytes of a file, or of one of its named streams. Holes, unwritten extents and what lies behind the valid length are zeros,
    /// and are not in <see cref="ISparseBlockReader.NextData"/>'s ranges. Length: the file's size. To be disposed of.
    /// </summary>
    /// <param name="file">A regular file.</param>
    /// <param name="stream">A name of <see cref="ListStreams"/>; null: the file's own content.</param>
    /// <exception cref="FileSystemFormatException">Not a file, damaged, refused (encrypted, another device's data), or it has no such stream.</exception>
    ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null);

    /// <summary>The target of a symbolic link, as it was written.</summary>
    /// <exception cref="FileSystemFormatException">Not a link, or damaged.</exception>
    string ReadLink(FileTreeEntry link);

    /// <summary>The named streams of a file or directory; empty on file systems that have none.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry);

    /// <summary>The extended attributes of an entry with their whole names (<c>user.comment</c>); empty on file systems that have none.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry);
}

/// <summary>A named stream of a file (NTFS): its name without the colon, and its length in bytes.</summary>
internal readonly record struct FileTreeStream(string Name, long SizeBytes);

/// <summary>An extended attribute: its whole name, and its bytes.</summary>
internal readonly record struct FileTreeAttribute(string Name, byte[] Value);
