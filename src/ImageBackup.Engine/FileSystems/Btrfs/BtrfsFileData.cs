using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>A part of a file: in its item, in an extent of its own, or in a part of one that is compressed as a whole.</summary>
/// <param name="FileOffsetBytes">Where it begins in the file.</param>
/// <param name="LengthBytes">How much of the file it is.</param>
/// <param name="Compression">0: none.</param>
/// <param name="Address">Of the extent.</param>
/// <param name="StoredBytes">Its length on the volume.</param>
/// <param name="InsideBytes">Where the part begins in the (decompressed) extent.</param>
/// <param name="PlainBytes">The extent's length when it is decompressed.</param>
/// <param name="Inline">The bytes, if they are in the item.</param>
internal readonly record struct BtrfsExtent(
    long FileOffsetBytes, long LengthBytes, int Compression, long Address, long StoredBytes, long InsideBytes, long PlainBytes, ReadOnlyMemory<byte>? Inline) : IFileExtent
{
    public long FileEndBytes => FileOffsetBytes + LengthBytes;
}

/// <summary>The content of a file. The compressed extent that was read last is kept.</summary>
internal sealed class BtrfsFileData : ISparseBlockReader, IStoredContent
{
    /// <summary>Compressed extents have at most 128 KiB, compressed or not.</summary>
    public const int MaxCompressedBytes = 1 << 20;
    private const int BatchBytes = 1 << 20;

    private readonly BtrfsDataReader _data;
    private readonly bool _isChecked;
    private readonly IReadOnlyList<BtrfsExtent> _extents;
    private readonly object _lock = new();
    private int _plainIndex = -1;
    private byte[] _plain = [];

    /// <param name="data">Reads extents.</param>
    /// <param name="lengthBytes">The file's length.</param>
    /// <param name="isChecked">The file's data has checksums.</param>
    /// <param name="extents">What is not a hole, sorted.</param>
    /// <exception cref="FileSystemFormatException">They overlap.</exception>
    public BtrfsFileData(BtrfsDataReader data, long lengthBytes, bool isChecked, IReadOnlyList<BtrfsExtent> extents)
    {
        _data = data;
        LengthBytes = lengthBytes;
        _isChecked = isChecked;
        _extents = extents;
        long end = 0;
        foreach (BtrfsExtent extent in extents)
        {
            if (extent.FileOffsetBytes < end)
                throw new FileSystemFormatException("btrfs: a file's extents overlap");
            end = extent.FileEndBytes;
        }
    }

    public long LengthBytes { get; }
    public int SectorSizeBytes => 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        buffer = buffer.Slice(0, count);
        buffer.Clear();
        long end = offsetBytes + count;
        for (int i = _extents.FirstEndingAfter(offsetBytes); i < _extents.Count && _extents[i].FileOffsetBytes < end; i++)
        {
            BtrfsExtent extent = _extents[i];
            long start = Math.Max(offsetBytes, extent.FileOffsetBytes);
            int length = (int)(Math.Min(end, extent.FileEndBytes) - start);
            Read(i, start - extent.FileOffsetBytes, buffer.Slice((int)(start - offsetBytes), length));
        }
        return count;
    }

    public ByteRange? NextData(long offsetBytes) => _extents.NextData(offsetBytes, LengthBytes);

    public IEnumerable<StoredPiece> Pieces()
    {
        foreach (BtrfsExtent extent in _extents)
        {
            long length = Math.Min(extent.LengthBytes, LengthBytes - extent.FileOffsetBytes);
            if (length <= 0)
                yield break;
            if (extent.Inline is not null)
                yield return StoredPiece.Unplaced(extent.FileOffsetBytes, length);
            else if (extent.Compression == 0)
                yield return new StoredPiece(extent.FileOffsetBytes, length, _data.Locate(extent.Address + extent.InsideBytes, length), length, StoredPiece.Plain);
            else
            {
                long form = extent.PlainBytes << 32 | extent.InsideBytes << 4 | (uint)extent.Compression;
                yield return new StoredPiece(extent.FileOffsetBytes, length, _data.Locate(extent.Address, extent.StoredBytes), extent.StoredBytes, form);
            }
        }
    }

    public void Dispose()
    {
    }

    private void Read(int index, long at, Span<byte> target)
    {
        BtrfsExtent extent = _extents[index];
        if (extent.Compression != 0)
        {
            ReadCompressed(index, extent, at, target);
            return;
        }
        if (extent.Inline is { } inline)
        {
            if (at < inline.Length)
                inline.Span.Slice((int)at, (int)Math.Min(target.Length, inline.Length - at)).CopyTo(target);
            return;
        }
        int sector = _data.SectorSizeBytes;
        while (target.Length > 0)
        {
            long first = extent.InsideBytes + at;
            long aligned = first / sector * sector;
            int length = (int)Math.Min(target.Length, BatchBytes - (first - aligned));
            int whole = (int)((first - aligned + length + sector - 1) / sector * sector);
            _data.Read(extent.Address + aligned, whole, _isChecked).AsSpan((int)(first - aligned), length).CopyTo(target);
            target = target.Slice(length);
            at += length;
        }
    }

    private void ReadCompressed(int index, BtrfsExtent extent, long at, Span<byte> target)
    {
        lock (_lock)
        {
            if (_plainIndex != index && !IsSameExtent(index))
            {
                byte[] stored = extent.Inline is { } inline ? inline.ToArray() : _data.Read(extent.Address, (int)extent.StoredBytes, _isChecked);
                _plainIndex = -1;
                _plain = _plain.Length == extent.PlainBytes ? _plain : new byte[(int)extent.PlainBytes];
                BtrfsCompression.Decompress(extent.Compression, stored, _plain, _data.SectorSizeBytes);
            }
            _plainIndex = index;
            _plain.AsSpan((int)(extent.InsideBytes + at), target.Length).CopyTo(target);
        }
    }

    // Two parts of a file may be of one extent.
    private bool IsSameExtent(int index) =>
        _plainIndex >= 0 && _extents[index].Inline is null && _extents[_plainIndex].Inline is null
        && _extents[index].Address == _extents[_plainIndex].Address && _extents[index].StoredBytes == _extents[_plainIndex].StoredBytes
        && _extents[index].PlainBytes == _plain.Length && _extents[index].Compression == _extents[_plainIndex].Compression;
}
