using System;
using System.Text;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>
/// Names of Unix as text and back. Such a name is bytes. What is UTF-8 in it is read as that; each other byte becomes the surrogate
/// U+DC00 + byte, alone (Python's "surrogateescape", PEP 383), so that every name comes back byte by byte.
/// </summary>
internal static class UnixFileName
{
    private const int EscapeBase = 0xDC00;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Never fails, and is reversible by <see cref="Encode"/>.</summary>
    public static unsafe string Decode(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
            return "";
        try
        {
            fixed (byte* bytes = name)
                return s_utf8.GetString(bytes, name.Length);
        }
        catch (DecoderFallbackException)
        {
            return DecodeWithEscapes(name.ToArray());
        }
    }

    /// <exception cref="ArgumentException">The text has an unpaired surrogate that does not stand for a byte.</exception>
    public static byte[] Encode(string name)
    {
        var bytes = new byte[name.Length * 3];
        int length = 0;
        for (int i = 0; i < name.Length;)
        {
            int count = 1;
            if (char.IsSurrogate(name[i]))
            {
                if (i + 1 < name.Length && char.IsSurrogatePair(name[i], name[i + 1]))
                {
                    count = 2;
                }
                else if (name[i] is >= (char)(EscapeBase + 0x80) and <= (char)(EscapeBase + 0xFF))
                {
                    bytes[length++] = (byte)(name[i++] - EscapeBase);
                    continue;
                }
                else
                {
                    throw new ArgumentException("The name has an unpaired surrogate.", nameof(name));
                }
            }
            length += s_utf8.GetBytes(name, i, count, bytes, length);
            i += count;
        }
        Array.Resize(ref bytes, length);
        return bytes;
    }

    private static string DecodeWithEscapes(byte[] bytes)
    {
        var text = new StringBuilder(bytes.Length);
        for (int i = 0; i < bytes.Length;)
        {
            int length = SequenceLength(bytes, i);
            if (length == 0)
            {
                text.Append((char)(EscapeBase + bytes[i++]));
                continue;
            }
            text.Append(s_utf8.GetString(bytes, i, length));
            i += length;
        }
        return text.ToString();
    }

    /// <summary>The length of the UTF-8 sequence that begins here; 0 if none does.</summary>
    private static int SequenceLength(byte[] bytes, int start)
    {
        byte first = bytes[start];
        int length = first < 0x80 ? 1 : first is >= 0xC2 and < 0xE0 ? 2 : first is >= 0xE0 and < 0xF0 ? 3 : first is >= 0xF0 and < 0xF5 ? 4 : 0;
        if (length <= 1 || start > bytes.Length - length)
            return length == 1 ? 1 : 0;
        try
        {
            _ = s_utf8.GetCharCount(bytes, start, length);
            return length;
        }
        catch (DecoderFallbackException)
        {
            return 0;
        }
    }
}
