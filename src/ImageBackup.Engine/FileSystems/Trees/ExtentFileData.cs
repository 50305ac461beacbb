using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A part of a file that lies in one piece on the volume.</summary>
internal readonly record struct FileExtent(long FileOffsetBytes, long LengthBytes, long VolumeOffsetBytes) : IFileExtent
{
    public long FileEndBytes => FileOffsetBytes + LengthBytes;
}

/// <summary>A file whose bytes lie on the volume as they are, in extents. Between them, and from the valid length on, it is zeros.</summary>
internal sealed class ExtentFileData : ISparseBlockReader, IStoredContent
{
    private readonly IBlockReader _volume;
    private readonly long _validBytes;
    private readonly IReadOnlyList<FileExtent> _extents;

    /// <param name="volume">Stays the caller's.</param>
    /// <param name="lengthBytes">The file's.</param>
    /// <param name="validBytes">What was ever written; the rest is zeros whatever lies there.</param>
    /// <param name="extents">Sorted by their place in the file.</param>
    /// <exception cref="FileSystemFormatException">Extents overlap or are out of order.</exception>
    public ExtentFileData(IBlockReader volume, long lengthBytes, long validBytes, IReadOnlyList<FileExtent> extents)
    {
        _volume = volume;
        LengthBytes = lengthBytes;
        _validBytes = Math.Max(0, Math.Min(lengthBytes, validBytes));
        _extents = extents;
        long end = 0;
        foreach (FileExtent extent in extents)
        {
            if (extent.FileOffsetBytes < end || extent.LengthBytes <= 0 || extent.FileOffsetBytes > long.MaxValue - extent.LengthBytes)
                throw new FileSystemFormatException("a file's extents overlap or are out of order");
            end = extent.FileEndBytes;
        }
    }

    public long LengthBytes { get; }
    public int SectorSizeBytes => 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        int valid = (int)Math.Max(0, Math.Min(count, _validBytes - offsetBytes));
        int done = 0;
        for (int i = _extents.FirstEndingAfter(offsetBytes); i < _extents.Count && done < valid; i++)
        {
            FileExtent extent = _extents[i];
            long position = offsetBytes + done;
            if (extent.FileOffsetBytes > position)
            {
                int hole = (int)Math.Min(valid - done, extent.FileOffsetBytes - position);
                buffer.Slice(done, hole).Clear();
                done += hole;
                position += hole;
            }
            int length = (int)Math.Min(valid - done, extent.FileEndBytes - position);
            if (length > 0)
                _volume.ReadExact(extent.VolumeOffsetBytes + (position - extent.FileOffsetBytes), buffer.Slice(done, length));
            done += Math.Max(0, length);
        }
        buffer.Slice(done, count - done).Clear();
        return count;
    }

    public ByteRange? NextData(long offsetBytes) => _extents.NextData(offsetBytes, _validBytes);

    public IEnumerable<StoredPiece> Pieces()
    {
        foreach (FileExtent extent in _extents)
        {
            long length = Math.Min(extent.LengthBytes, _validBytes - extent.FileOffsetBytes);
            if (length <= 0)
                yield break;
            yield return new StoredPiece(extent.FileOffsetBytes, length, extent.VolumeOffsetBytes, length, StoredPiece.Plain);
        }
    }

    public void Dispose()
    {
    }
}
