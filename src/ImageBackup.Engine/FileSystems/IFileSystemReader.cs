using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Recognises one file system on a volume and says which of its bytes are in use, from the raw bytes alone.
/// </summary>
/// <remarks>
/// Contract: stateless; any thread. Only <see cref="IBlockReader.ReadAt"/> is used, so it works on shadow
/// copies, snapshots, image files and foreign disks alike. The bytes are hostile: every length is bounded
/// before it is used, time and memory are bounded, and the only exceptions are
/// <see cref="FileSystemFormatException"/>, <see cref="BlockReadException"/> (passed on from the reader) and
/// <see cref="OperationCanceledException"/>.
/// </remarks>
internal interface IFileSystemReader
{
    /// <summary>
    /// What lies on the volume, or null if it is not this file system. A superblock that carries the magic
    /// but is damaged is recognised as far as it can be read, or null; never an exception for bad bytes.
    /// </summary>
    FileSystemDescription? Probe(IBlockReader volume);

    /// <summary>
    /// The used bytes: starts all-used, clears only what is proven free, and is reconciled with the file
    /// system's own free counts. Bytes outside the file system but inside the volume are used unless proven free.
    /// </summary>
    /// <exception cref="FileSystemFormatException">
    /// Damaged, of an unknown feature, or map and counters disagree: the caller copies the whole volume and
    /// passes the message on as a warning.
    /// </exception>
    UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation);
}
