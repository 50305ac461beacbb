using System;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Images.Reading;

/// <summary>
/// Reads an image as the volume that it is of: for a look at its structures, not for its bulk. One thread. What is missing or damaged is a
/// <see cref="BlockReadException"/>.
/// </summary>
internal sealed class ImageBlockReader(ImageRepository repository, ImageContent image) : IBlockReader
{
    private const int KeptChunkCount = 4;

    private readonly ChunkReader _reader = new(repository, image);
    private readonly (ImageChunk Chunk, byte[] Content)[] _kept = new (ImageChunk, byte[])[KeptChunkCount];
    private int _next;

    public long LengthBytes => image.SizeBytes;
    public int SectorSizeBytes => image.Info.SectorSizeBytes ?? 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        for (int done = 0; done < count;)
        {
            (ImageChunk chunk, byte[] content) = Load(offsetBytes + done);
            int inside = (int)(offsetBytes + done - chunk.OffsetBytes), length = Math.Min(count - done, chunk.LengthBytes - inside);
            content.AsSpan(inside, length).CopyTo(buffer.Slice(done));
            done += length;
        }
        return count;
    }

    private (ImageChunk Chunk, byte[] Content) Load(long offsetBytes)
    {
        foreach ((ImageChunk Chunk, byte[] Content) kept in _kept)
        {
            if (kept.Content is not null && offsetBytes >= kept.Chunk.OffsetBytes && offsetBytes < kept.Chunk.OffsetBytes + kept.Chunk.LengthBytes)
                return kept;
        }
        try
        {
            ImageChunk chunk = image.ChunkAt(offsetBytes);
            byte[] content = new byte[chunk.LengthBytes];
            if ((chunk.Location is not null || !chunk.IsZero) && !_reader.TryRead(chunk, content, out ImageBackupException? damage))
                throw new BlockReadException(chunk.OffsetBytes, chunk.LengthBytes, damage?.Message ?? "The chunk is not in the repository.");
            _next = (_next + 1) % KeptChunkCount;
            return _kept[_next] = (chunk, content);
        }
        catch (ImageBackupException e)
        {
            throw new BlockReadException(offsetBytes, 1, e.Message, e);
        }
    }

    public void Dispose() => _reader.Dispose();
}
