using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// A file that Windows compressed for itself (WOF, "compact /exe"): the stream WofCompressedData has where each chunk but the first
/// begins, then the chunks. One that did not become smaller is there as it is.
/// </summary>
internal sealed class NtfsWofData : UnitFileData, IStoredContent
{
    public const string StreamName = "WofCompressedData";

    private readonly ISparseBlockReader _stored;
    private readonly bool _isLzx;
    private readonly long _chunkCount;
    private readonly int _entryBytes;

    /// <param name="stored">The stream.</param>
    /// <param name="lengthBytes">The file's length.</param>
    /// <param name="isLzx">Else XPRESS with Huffman codes.</param>
    /// <param name="chunkBytes">The length of a chunk when it is decompressed.</param>
    public NtfsWofData(ISparseBlockReader stored, long lengthBytes, bool isLzx, int chunkBytes)
        : base(lengthBytes, chunkBytes)
    {
        _stored = stored;
        _isLzx = isLzx;
        _chunkCount = (lengthBytes + chunkBytes - 1) / chunkBytes;
        _entryBytes = lengthBytes > uint.MaxValue ? 8 : 4;
    }

    protected override void Decode(long unit, Span<byte> target)
    {
        long tableBytes = (_chunkCount - 1) * _entryBytes;
        long start = unit == 0 ? 0 : ReadEntry(unit - 1);
        long end = unit == _chunkCount - 1 ? _stored.LengthBytes - tableBytes : ReadEntry(unit);
        if (start < 0 || end <= start || end - start > target.Length || end > _stored.LengthBytes - tableBytes)
            throw new FileSystemFormatException("NTFS: a compressed chunk has a bad length");
        byte[] chunk = _stored.ReadExact(tableBytes + start, (int)(end - start));
        if (chunk.Length == target.Length)
            chunk.CopyTo(target);
        else if (_isLzx)
            Lzx.Decompress(chunk, target);
        else
            XpressHuffman.Decompress(chunk, target);
    }

    public override ByteRange? NextData(long offsetBytes) =>
        offsetBytes < LengthBytes ? new ByteRange(offsetBytes, LengthBytes - offsetBytes) : null;

    // All of the stored stream decides all of the file.
    public IEnumerable<StoredPiece> Pieces()
    {
        if (_stored is not IStoredContent stored)
        {
            yield return StoredPiece.Unplaced(0, LengthBytes);
            yield break;
        }
        foreach (StoredPiece piece in stored.Pieces())
            yield return piece with { Form = (piece.Form << 32) + UnitBytes * 4 + (_isLzx ? 3 : 2) };
    }

    private long ReadEntry(long index)
    {
        byte[] entry = _stored.ReadExact(index * _entryBytes, _entryBytes);
        return _entryBytes == 4 ? LittleEndian.UInt32(entry, 0) : LittleEndian.Int63(entry, 0);
    }
}
