using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>Files of a volume whose content means nothing after a restore: paging, hibernation, shadow storage.</summary>
/// <remarks>Same contract for threads, hostile bytes and exceptions as <see cref="IFileSystemReader"/>.</remarks>
internal interface IOmittedFiles
{
    /// <summary>
    /// What may be left out of an image (its clusters stored as zeros although the map calls them used). Empty
    /// if there is nothing, or if it cannot be proven safe.
    /// </summary>
    /// <param name="volume">The bytes.</param>
    /// <param name="isFlushed">As in <see cref="IFlushAwareReader"/>.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="FileSystemFormatException">The directories could not be read: leave nothing out.</exception>
    IReadOnlyList<OmittedFile> FindOmittedFiles(IBlockReader volume, bool isFlushed, CancellationToken cancellation);
}

/// <summary>One file whose clusters need not be stored.</summary>
internal sealed record OmittedFile
{
    /// <summary>Path from the volume's root, with backslashes.</summary>
    public required string Path { get; init; }

    /// <summary>Where the content lies: whole clusters, sorted by offset, disjoint, inside the volume.</summary>
    public required IReadOnlyList<ByteRange> Ranges { get; init; }

    /// <summary>Why it is not needed; a phrase for the user.</summary>
    public required string Reason { get; init; }
}
