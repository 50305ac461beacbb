using System;

namespace ImageBackup.Engine.FileSystems;

/// <summary>The one place where the bounds of a hostile structure are checked.</summary>
internal static class StructureBounds
{
    /// <exception cref="FileSystemFormatException">The field does not lie inside the bytes.</exception>
    public static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> bytes, int offset, int length)
    {
        if (offset < 0 || length < 0 || offset > bytes.Length - length)
            throw new FileSystemFormatException($"a field of {length} bytes at {offset} lies outside a structure of {bytes.Length} bytes");
        return bytes.Slice(offset, length);
    }

    /// <exception cref="FileSystemFormatException">The value does not fit 63 bits.</exception>
    public static long Signed(ulong value, int offset)
    {
        if (value > long.MaxValue)
            throw new FileSystemFormatException($"the value {value} at {offset} is out of range");
        return (long)value;
    }
}
