using System;

namespace ImageBackup.Engine.Compat;

/// <summary>Hexadecimal text of bytes: lower case, as restic writes ids. The BCL's own differ between our two frameworks.</summary>
internal static class Hex
{
    private const int NameLength = 64;

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        const string digits = "0123456789abcdef";
        char[] chars = new char[bytes.Length * 2];
        for (int i = 0; i < bytes.Length; i++)
        {
            chars[2 * i] = digits[bytes[i] >> 4];
            chars[2 * i + 1] = digits[bytes[i] & 15];
        }
        return new string(chars);
    }

    /// <summary>Writes lower-case hexadecimal ASCII into <paramref name="target"/> (twice the bytes' length).</summary>
    public static void EncodeAscii(ReadOnlySpan<byte> bytes, Span<byte> target)
    {
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        for (int i = 0; i < bytes.Length; i++)
        {
            target[2 * i] = digits[bytes[i] >> 4];
            target[2 * i + 1] = digits[bytes[i] & 15];
        }
    }

    /// <summary>False if the text is not exactly twice the target's length of hexadecimal digits.</summary>
    public static bool TryDecodeAscii(ReadOnlySpan<byte> text, Span<byte> target)
    {
        if (text.Length != target.Length * 2)
            return false;
        for (int i = 0; i < target.Length; i++)
        {
            int high = Digit(text[2 * i]), low = Digit(text[2 * i + 1]);
            if ((high | low) < 0)
                return false;
            target[i] = (byte)(high << 4 | low);
        }
        return true;
    }

    /// <summary>A name as restic gives one to its files: a SHA-256 in lower case.</summary>
    public static bool IsName(string? text)
    {
        if (text is not { Length: NameLength })
            return false;
        foreach (char c in text)
        {
            if (c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f')))
                return false;
        }
        return true;
    }

    private static int Digit(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
