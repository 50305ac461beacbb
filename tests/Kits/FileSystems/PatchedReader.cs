using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Another volume with some bytes changed.</summary>
public sealed class PatchedReader(IBlockReader inner) : IBlockReader
{
    private readonly List<(long Offset, byte[] Bytes)> _patches = [];

    public long LengthBytes => inner.LengthBytes;
    public int SectorSizeBytes => inner.SectorSizeBytes;

    public PatchedReader Patch(long offsetBytes, params byte[] bytes)
    {
        _patches.Add((offsetBytes, bytes));
        return this;
    }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int length = inner.ReadAt(offsetBytes, buffer);
        foreach ((long offset, byte[] bytes) in _patches)
        {
            long start = Math.Max(offset, offsetBytes);
            long end = Math.Min(offset + bytes.Length, offsetBytes + length);
            if (start < end)
                bytes.AsSpan((int)(start - offset), (int)(end - start)).CopyTo(buffer[(int)(start - offsetBytes)..]);
        }
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
