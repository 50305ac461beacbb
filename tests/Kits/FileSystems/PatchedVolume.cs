using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A volume in memory with some bytes changed; the bytes below are shared and stay as they are.</summary>
internal sealed class PatchedVolume(byte[] seed) : IBlockReader
{
    private readonly BytePatches _patches = new();

    public long LengthBytes { get; set; } = seed.Length;
    public int SectorSizeBytes => 512;

    public void Patch(long offsetBytes, params byte[] bytes) => _patches.Add(offsetBytes, bytes);

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int length = (int)Math.Max(0, Math.Min(buffer.Length, LengthBytes - offsetBytes));
        buffer = buffer[..length];
        int fromSeed = (int)Math.Max(0, Math.Min(length, seed.Length - offsetBytes));
        seed.AsSpan((int)Math.Min(offsetBytes, seed.Length), fromSeed).CopyTo(buffer);
        buffer[fromSeed..].Clear();
        _patches.Apply(offsetBytes, buffer[..length]);
        return length;
    }

    public byte[] Read(long offsetBytes, int lengthBytes)
    {
        var bytes = new byte[lengthBytes];
        ReadAt(offsetBytes, bytes);
        return bytes;
    }

    public override string ToString() =>
        $"{LengthBytes} bytes, {_patches}";

    public void Dispose()
    {
    }
}
