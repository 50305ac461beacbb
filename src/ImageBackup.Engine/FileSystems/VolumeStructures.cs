using System;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>Reading structures from a volume, and the texts inside them.</summary>
internal static class VolumeStructures
{
    /// <summary>Fills the buffer.</summary>
    /// <exception cref="FileSystemFormatException">The bytes do not lie inside the volume.</exception>
    public static void ReadExact(this IBlockReader volume, long offsetBytes, Span<byte> buffer)
    {
        if (offsetBytes < 0 || offsetBytes > volume.LengthBytes - buffer.Length)
            throw new FileSystemFormatException($"a structure of {buffer.Length} bytes at offset {offsetBytes} lies outside the volume of {volume.LengthBytes} bytes");
        if (volume.ReadAt(offsetBytes, buffer) != buffer.Length)
            throw new FileSystemFormatException($"the volume ended early at offset {offsetBytes}");
    }

    /// <summary>A new array of bytes from the volume. The caller bounds <paramref name="lengthBytes"/>.</summary>
    /// <exception cref="FileSystemFormatException">The bytes do not lie inside the volume.</exception>
    public static byte[] ReadExact(this IBlockReader volume, long offsetBytes, int lengthBytes)
    {
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > volume.LengthBytes - lengthBytes)
            throw new FileSystemFormatException($"a structure of {lengthBytes} bytes at offset {offsetBytes} lies outside the volume of {volume.LengthBytes} bytes");
        var buffer = new byte[lengthBytes];
        volume.ReadExact(offsetBytes, buffer.AsSpan());
        return buffer;
    }

    /// <summary>The bytes, or null if the volume has none there: for a probe, which never throws for bad bytes.</summary>
    public static byte[]? TryRead(this IBlockReader volume, long offsetBytes, int lengthBytes)
    {
        if (offsetBytes < 0 || offsetBytes > volume.LengthBytes - lengthBytes)
            return null;
        var buffer = new byte[lengthBytes];
        return volume.ReadAt(offsetBytes, buffer) == lengthBytes ? buffer : null;
    }

    /// <summary>UTF-8 up to the first NUL, trailing blanks cut; null if nothing is left. Bad bytes become U+FFFD.</summary>
    public static string? Utf8Label(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Label(Encoding.UTF8.GetString((end < 0 ? bytes : bytes.Slice(0, end)).ToArray()));
    }

    /// <summary>UTF-16LE up to the first NUL unit, trailing blanks cut; null if nothing is left.</summary>
    public static string? Utf16Label(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.Unicode.GetString(bytes.Slice(0, bytes.Length & ~1).ToArray());
        int end = text.IndexOf('\0');
        return Label(end < 0 ? text : text.Substring(0, end));
    }

    /// <summary>16 bytes in their stored order as blkid writes them (8-4-4-4-12, lower case); null if all are zero.</summary>
    public static string? Uuid(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> uuid = StructureBounds.Field(bytes, 0, 16);
        var text = new StringBuilder(36);
        bool isSet = false;
        for (int i = 0; i < 16; i++)
        {
            if (i is 4 or 6 or 8 or 10)
                text.Append('-');
            text.Append("0123456789abcdef"[uuid[i] >> 4]).Append("0123456789abcdef"[uuid[i] & 15]);
            isSet |= uuid[i] != 0;
        }
        return isSet ? text.ToString() : null;
    }

    private static string? Label(string text)
    {
        text = text.TrimEnd();
        return text.Length == 0 ? null : text;
    }
}
