using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>Zeros to write if a target has no cheaper way to clear a range.</summary>
internal static class ZeroBytes
{
    private static readonly byte[] s_zeros = new byte[1 << 20];

    /// <summary>Writes zeros over the range, a mebibyte at a time.</summary>
    public static void WriteTo(IBlockWriter target, ByteRange range)
    {
        for (long offset = range.OffsetBytes; offset < range.EndBytes;)
        {
            int count = (int)Math.Min(s_zeros.Length, range.EndBytes - offset);
            target.WriteAt(offset, s_zeros.AsSpan(0, count));
            offset += count;
        }
    }
}
