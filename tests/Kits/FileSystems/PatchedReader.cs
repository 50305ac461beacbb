using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Another volume with some bytes changed.</summary>
internal sealed class PatchedReader(IBlockReader inner) : IBlockReader
{
    private readonly BytePatches _patches = new();

    public long LengthBytes => inner.LengthBytes;
    public int SectorSizeBytes => inner.SectorSizeBytes;

    public PatchedReader Patch(long offsetBytes, params byte[] bytes)
    {
        _patches.Add(offsetBytes, bytes);
        return this;
    }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int length = inner.ReadAt(offsetBytes, buffer);
        _patches.Apply(offsetBytes, buffer[..length]);
        return length;
    }

    public byte[] Read(long offsetBytes, int lengthBytes)
    {
        var bytes = new byte[lengthBytes];
        ReadAt(offsetBytes, bytes);
        return bytes;
    }

    public void Dispose() => inner.Dispose();
}
