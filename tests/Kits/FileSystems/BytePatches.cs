using System;
using System.Collections.Generic;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Bytes that stand in the place of a volume's own.</summary>
internal sealed class BytePatches
{
    private readonly List<(long Offset, byte[] Bytes)> _patches = [];

    public void Add(long offsetBytes, byte[] bytes) => _patches.Add((offsetBytes, bytes));

    /// <summary>Lays them over what was read from the offset on; the later ones win.</summary>
    public void Apply(long offsetBytes, Span<byte> read)
    {
        foreach ((long offset, byte[] bytes) in _patches)
        {
            long start = Math.Max(offset, offsetBytes);
            long end = Math.Min(offset + bytes.Length, offsetBytes + read.Length);
            if (start < end)
                bytes.AsSpan((int)(start - offset), (int)(end - start)).CopyTo(read[(int)(start - offsetBytes)..]);
        }
    }

    public override string ToString() => string.Join(", ", _patches.ConvertAll(static patch => $"{patch.Offset}={Convert.ToHexString(patch.Bytes)}"));
}
