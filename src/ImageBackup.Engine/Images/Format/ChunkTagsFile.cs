using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The bytes of <c>chunk.tags</c> (src/FORMAT.md): a header with the tags' key, then a record a chunk, its id and its tag, in
/// parts that are blobs of their own, so that what did not change is not stored again and none has to be held as a whole.
/// </summary>
internal static class ChunkTagsFile
{
    public const int HeaderBytes = 8 + sizeof(int) + sizeof(long) + Gmac.KeySizeBytes;
    public const int RecordBytes = BlobId.SizeBytes + ChunkTag.SizeBytes;

    /// <summary>A part's records: 192 KiB.</summary>
    public const int PartRecordCount = 4096;

    /// <summary>The header: the magic, the chunk size and the chunk count of the image, the key.</summary>
    public sealed record Header(int ChunkSizeBytes, long ChunkCount, byte[] Key)
    {
        public long PartCount => (ChunkCount + PartRecordCount - 1) / PartRecordCount;

        public long FileBytes => HeaderBytes + ChunkCount * RecordBytes;

        /// <summary>Bytes of one part; the last may be shorter.</summary>
        public int PartBytes(long part) => (int)Math.Min(PartRecordCount, ChunkCount - part * PartRecordCount) * RecordBytes;
    }

    private static ReadOnlySpan<byte> Magic => "IBCTAGS1"u8;

    public static byte[] Write(Header header)
    {
        byte[] bytes = new byte[HeaderBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), header.ChunkSizeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12), header.ChunkCount);
        header.Key.CopyTo(bytes, 20);
        return bytes;
    }

    /// <exception cref="FormatException">Not the header of chunk tags.</exception>
    public static Header ReadHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != HeaderBytes || !bytes.Slice(0, 8).SequenceEqual(Magic))
            throw new FormatException("The chunk tags have no header.");
        int chunkSizeBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes.Slice(8));
        long chunkCount = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(12));
        // As many chunks as make up the longest volume that a number can say.
        if (chunkSizeBytes <= 0 || chunkCount < 0 || chunkCount > long.MaxValue / Math.Max(chunkSizeBytes, RecordBytes))
            throw new FormatException("The chunk tags have an impossible header.");
        return new Header(chunkSizeBytes, chunkCount, bytes.Slice(20).ToArray());
    }

    /// <summary>The parts in order, all in one array: each is good until the next is asked for. A chunk without a tag has a record of zeros.</summary>
    public static IEnumerable<ArraySegment<byte>> WriteParts(Header header, IReadOnlyList<BlobId> ids, IReadOnlyList<ChunkTag> tags)
    {
        byte[] bytes = new byte[header.PartCount > 0 ? header.PartBytes(0) : 0];
        for (long part = 0; part < header.PartCount; part++)
        {
            int first = checked((int)(part * PartRecordCount)), countBytes = header.PartBytes(part);
            for (int record = 0; record < countBytes / RecordBytes; record++)
            {
                Span<byte> target = bytes.AsSpan(record * RecordBytes, RecordBytes);
                target.Clear();
                if (tags[first + record].IsNone)
                    continue;
                ids[first + record].CopyTo(target);
                tags[first + record].CopyTo(target.Slice(BlobId.SizeBytes));
            }
            yield return new ArraySegment<byte>(bytes, 0, countBytes);
        }
    }

    /// <summary>One record of a part.</summary>
    public static KnownChunk Record(ReadOnlySpan<byte> part, int record)
    {
        ReadOnlySpan<byte> bytes = part.Slice(record * RecordBytes, RecordBytes);
        return new KnownChunk(new BlobId(bytes), new ChunkTag(bytes.Slice(BlobId.SizeBytes)));
    }
}
