using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>The bytes of a file that lies in its inode.</summary>
internal sealed class ExtInlineContent(byte[] bytes) : ISparseBlockReader
{
    public long LengthBytes => bytes.Length;
    public int SectorSizeBytes => 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, bytes.Length);
        if (count > 0)
            bytes.AsSpan((int)offsetBytes, count).CopyTo(buffer);
        return count;
    }

    public ByteRange? NextData(long offsetBytes) => offsetBytes < bytes.Length ? new ByteRange(offsetBytes, bytes.Length - offsetBytes) : null;

    public void Dispose()
    {
        // Nothing is owned.
    }
}
