using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Unit.Volumes;

/// <summary>Bytes in memory as a volume.</summary>
internal sealed class MemoryReader(byte[] content, int sectorSizeBytes) : IBlockReader
{
    public long LengthBytes => content.Length;
    public int SectorSizeBytes => sectorSizeBytes;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, content.Length - offsetBytes));
        if (count > 0)
            content.AsSpan((int)offsetBytes, count).CopyTo(buffer);
        return count;
    }

    public void Dispose()
    {
    }
}
