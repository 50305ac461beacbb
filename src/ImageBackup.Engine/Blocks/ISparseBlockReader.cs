namespace ImageBackup.Engine.Blocks;

/// <summary>A reader that knows, without reading, which parts of it hold nothing: a file with holes.</summary>
/// <remarks>
/// Contract: as cheap as one system call; any thread. Bytes outside the ranges it gives read as zeros. The
/// converse does not hold: a range may be all zeros, and if the file system cannot tell holes the whole rest
/// is one range.
/// </remarks>
internal interface ISparseBlockReader : IBlockReader
{
    /// <summary>
    /// The first range at or after <paramref name="offsetBytes"/> that may hold data, clipped to the reader's
    /// length; null if only zeros follow.
    /// </summary>
    /// <exception cref="BlockReadException">The file system could not be asked.</exception>
    ByteRange? NextData(long offsetBytes);
}
