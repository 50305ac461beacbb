using System;
using System.Text;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>
/// The text of a small file as restic reads it (its package textfile): a byte order mark says UTF-8, or UTF-16 of either
/// endianness, which Windows PowerShell's <c>&gt;</c> writes; without one the bytes are taken as they are. White space at
/// both ends (Go's strings.TrimSpace: line ends, blanks, tabs, and Unicode's) is cut off, white space inside stays.
/// </summary>
internal static class SecretText
{
    /// <summary>The file's text in UTF-8, trimmed. The input is cleared.</summary>
    /// <param name="content">The file.</param>
    /// <param name="hasMark">False: a byte order mark counts as text, as restic takes what a password command prints.</param>
    public static byte[] Read(byte[] content, bool hasMark = true)
    {
        if (content is null)
            throw new ArgumentNullException(nameof(content));
        byte[] text = hasMark ? Decode(content) : Copy(content, 0, content.Length);
        Array.Clear(content, 0, content.Length);
        int start = 0, end = text.Length;
        while (start < end && SpaceAt(text, start, end) is > 0 and var lengthBytes)
            start += lengthBytes;
        while (end > start && SpaceBefore(text, start, end) is > 0 and var lengthBytes)
            end -= lengthBytes;
        byte[] trimmed = Copy(text, start, end - start);
        Array.Clear(text, 0, text.Length);
        return trimmed;
    }

    /// <summary>
    /// Throws if a password has control characters (but tab and line ends, which restic keeps inside a password): UTF-16
    /// without a byte order mark has a NUL in every character, and such a password would lock its user out of everything that
    /// is typed.
    /// </summary>
    /// <param name="password">In UTF-8.</param>
    /// <param name="source">Where it comes from, for the message.</param>
    /// <param name="target">What the error is about.</param>
    /// <exception cref="ImageBackupException">PasswordFileInvalid.</exception>
    public static void ThrowIfControl(byte[] password, string source, string target)
    {
        if (password is null)
            throw new ArgumentNullException(nameof(password));
        for (int i = 0; i < password.Length; i++)
        {
            bool isControl = password[i] is < 0x20 and not ((byte)'\t' or (byte)'\n' or (byte)'\r') or 0x7F
                || password[i] == 0xC2 && i + 1 < password.Length && password[i + 1] is >= 0x80 and <= 0x9F and not 0x85;
            if (!isControl)
                continue;
            string what = password[i] == 0 ? "NUL characters: is it UTF-16 without a byte order mark, or a binary file" : "control characters: is it a binary file";
            throw new ImageBackupException(ErrorId.PasswordFileInvalid, $"{source} cannot be a password: does it have {what}?", target)
            {
                RecommendedAction = "Write the password as one line of text in UTF-8, or with a byte order mark; Export-ImageRepositoryPassword writes such a file.",
            };
        }
    }

    private static byte[] Decode(byte[] content) => content switch
    {
        [0xEF, 0xBB, 0xBF, ..] => Copy(content, 3, content.Length - 3),
        [0xFF, 0xFE, ..] => FromUtf16(Encoding.Unicode, content),
        [0xFE, 0xFF, ..] => FromUtf16(Encoding.BigEndianUnicode, content),
        _ => Copy(content, 0, content.Length),
    };

    private static byte[] FromUtf16(Encoding encoding, byte[] content)
    {
        char[] characters = encoding.GetChars(content, 2, content.Length - 2);
        byte[] text = Encoding.UTF8.GetBytes(characters);
        Array.Clear(characters, 0, characters.Length);
        return text;
    }

    /// <summary>The length in bytes of the white space that begins there; 0: none does.</summary>
    private static int SpaceAt(byte[] text, int at, int end) => (end - at) switch
    {
        > 0 when text[at] is (byte)' ' or (>= 9 and <= 13) => 1,
        > 1 when text[at] == 0xC2 && text[at + 1] is 0x85 or 0xA0 => 2,
        > 2 when IsWideSpace(text[at], text[at + 1], text[at + 2]) => 3,
        _ => 0,
    };

    private static int SpaceBefore(byte[] text, int start, int end)
    {
        for (int lengthBytes = 1; lengthBytes <= 3 && end - lengthBytes >= start; lengthBytes++)
        {
            if (SpaceAt(text, end - lengthBytes, end) == lengthBytes)
                return lengthBytes;
        }
        return 0;
    }

    /// <summary>Unicode's White_Space in three bytes: U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.</summary>
    private static bool IsWideSpace(byte one, byte two, byte three) => (one, two, three) switch
    {
        (0xE1, 0x9A, 0x80) => true,
        (0xE2, 0x80, (>= 0x80 and <= 0x8A) or 0xA8 or 0xA9 or 0xAF) => true,
        (0xE2, 0x81, 0x9F) => true,
        (0xE3, 0x80, 0x80) => true,
        _ => false,
    };

    private static byte[] Copy(byte[] source, int start, int count)
    {
        var copy = new byte[count];
        Array.Copy(source, start, copy, 0, count);
        return copy;
    }
}
