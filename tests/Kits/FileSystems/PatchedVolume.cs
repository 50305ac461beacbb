using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A volume in memory with some bytes changed; the bytes below are shared and stay as they are.</summary>
public sealed class PatchedVolume(byte[] seed) : IBlockReader
{
    private readonly List<(long Offset, byte[] Bytes)> _patches = [];

    public long LengthBytes { get; set; } = seed.Length;
    public int SectorSizeBytes => 512;

    public void Patch(long offsetBytes, params byte[] bytes) => _patches.Add((offsetBytes, bytes));

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int length = (int)Math.Max(0, Math.Min(buffer.Length, LengthBytes - offsetBytes));
        buffer = buffer[..length];
        int fromSeed = (int)Math.Max(0, Math.Min(length, seed.Length - offsetBytes));
        seed.AsSpan((int)Math.Min(offsetBytes, seed.Length), fromSeed).CopyTo(buffer);
        buffer[fromSeed..].Clear();
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

    public override string ToString() =>
        $"{LengthBytes} bytes, " + string.Join(", ", _patches.ConvertAll(static patch => $"{patch.Offset}={Convert.ToHexString(patch.Bytes)}"));

    public void Dispose()
    {
    }
}
