using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>
/// Names of an image as parts of a drive's path, and back. A path has a meaning of its own for separators, colons, wildcards and backticks, a terminal
/// for control characters, and text has none for single surrogates: such a character stands as <c>%5C</c> (ASCII), as <c>%E9</c>
/// (a byte that is not UTF-8: U+DC00 + byte) or as <c>%u202E</c> (any other UTF-16 unit). A percent sign that would be read as
/// such stands as <c>%25</c>; others stand as they are.
/// </summary>
internal static class DriveNames
{
    private const string Special = "/\\:*?[]`";
    private const char ByteBase = '\uDC00';

    /// <summary>Reversible by <see cref="Unescape"/>.</summary>
    public static string Escape(string name)
    {
        // They would be read as this directory, the parent and the home.
        if (name is "." or ".." or "~")
            return name.Replace(".", "%2E").Replace("~", "%7E");
        StringBuilder? text = null;
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            bool isPair = char.IsHighSurrogate(c) && i + 1 < name.Length && char.IsLowSurrogate(name[i + 1]);
            if (isPair && c != DisplayText.TagPlane)
            {
                text?.Append(c).Append(name[i + 1]);
                i++;
                continue;
            }
            if (c == '%' ? LengthOfEscape(name, i) == 0 : Special.IndexOf(c) < 0 && !char.IsSurrogate(c) && DisplayText.IsShown(c))
            {
                text?.Append(c);
                continue;
            }
            text ??= new StringBuilder(name.Length + 16).Append(name, 0, i);
            Append(text, c);
            if (isPair)
                Append(text, name[++i]);
        }
        return text?.ToString() ?? name;
    }

    /// <summary>The name; characters that need not be escaped, and escapes that are none, stand for themselves.</summary>
    public static string Unescape(string text)
    {
        if (text.IndexOf('%') < 0)
            return text;
        var name = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length;)
        {
            int length = text[i] == '%' ? LengthOfEscape(text, i) : 0;
            if (length == 0)
            {
                name.Append(text[i++]);
                continue;
            }
            bool isUnit = length == 6;
            int value = int.Parse(text.Substring(i + (isUnit ? 2 : 1), isUnit ? 4 : 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            name.Append((char)(isUnit || value < 0x80 ? value : ByteBase + value));
            i += length;
        }
        return name.ToString();
    }

    /// <summary>The parts of a path, still escaped. Both separators count; "." and ".." are resolved.</summary>
    public static IReadOnlyList<string> Split(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".")
                continue;
            if (part != "..")
                parts.Add(part);
            else if (parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
        }
        return parts;
    }

    /// <summary>A volume's name as one part of a path: <c>/dev/sda1</c> is sda1, <c>C:</c> is C, <c>/srv/a.img</c> is srv_a.img. Not reversible, and not distinct.</summary>
    public static string OfVolume(string volume)
    {
        string rest = volume;
        foreach (string prefix in (string[])["/dev/", @"\\?\", @"\\.\"])
        {
            if (rest.StartsWith(prefix, StringComparison.Ordinal))
                rest = rest.Substring(prefix.Length);
        }
        string[] words = rest.Split(['/', '\\', ':'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 0 ? "root" : Escape(string.Join("_", words));
    }

    private static void Append(StringBuilder text, char c)
    {
        if (c < 0x80)
            text.Append('%').Append(((int)c).ToString("X2", CultureInfo.InvariantCulture));
        else if (c is >= (char)(ByteBase + 0x80) and <= (char)(ByteBase + 0xFF))
            text.Append('%').Append((c - ByteBase).ToString("X2", CultureInfo.InvariantCulture));
        else
            text.Append("%u").Append(((int)c).ToString("X4", CultureInfo.InvariantCulture));
    }

    /// <summary>Characters of the escape that begins here with a percent sign; 0 if none does.</summary>
    private static int LengthOfEscape(string text, int start)
    {
        bool AreDigits(int first, int count)
        {
            if (first + count > text.Length)
                return false;
            for (int i = first; i < first + count; i++)
            {
                if (text[i] is not (>= '0' and <= '9' or >= 'A' and <= 'F' or >= 'a' and <= 'f'))
                    return false;
            }
            return true;
        }
        if (AreDigits(start + 1, 2))
            return 3;
        return start + 1 < text.Length && text[start + 1] == 'u' && AreDigits(start + 2, 4) ? 6 : 0;
    }
}
