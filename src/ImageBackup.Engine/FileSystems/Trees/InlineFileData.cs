using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A file whose bytes lie in its metadata.</summary>
internal sealed class InlineFileData(ReadOnlyMemory<byte> bytes) : ISparseBlockReader
{
    public long LengthBytes => bytes.Length;
    public int SectorSizeBytes => 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        if (count > 0)
            bytes.Span.Slice((int)offsetBytes, count).CopyTo(buffer);
        return count;
    }

    public ByteRange? NextData(long offsetBytes) => offsetBytes < LengthBytes ? new ByteRange(offsetBytes, LengthBytes - offsetBytes) : null;

    public void Dispose()
    {
    }
}
