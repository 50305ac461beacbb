using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// A reader whose trust in the map depends on how the volume was quiesced: a journal that still waits for its
/// replay says something else after a power cut than in a snapshot that the running driver flushed first.
/// </summary>
internal interface IFlushAwareReader : IFileSystemReader
{
    /// <summary>As <see cref="IFileSystemReader.ReadUsedRanges"/>, with what the caller knows.</summary>
    /// <param name="volume">The bytes.</param>
    /// <param name="isFlushed">
    /// True if the file system's own driver wrote its metadata back immediately before the bytes froze (a VSS
    /// shadow copy, fsfreeze and LVM, a flush of a mounted volume): an open journal is then the usual state of a
    /// mounted volume, and no reason to doubt the map. False, also assumed by the shorter overload: unknown.
    /// </param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="FileSystemFormatException">As there.</exception>
    UsedRangeMap ReadUsedRanges(IBlockReader volume, bool isFlushed, CancellationToken cancellation);
}
