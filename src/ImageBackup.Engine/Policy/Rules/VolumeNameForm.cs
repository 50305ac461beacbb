using System;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// The form in which names and patterns are compared: without the separators at the end (<c>D:\</c> is <c>D:</c>,
/// <c>/home/</c> is <c>/home</c>, <c>/</c> stays), on Windows in upper case, with <c>\</c> for <c>/</c> and a lone
/// letter as a drive (<c>D</c> is <c>D:</c>).
/// </summary>
internal static class VolumeNameForm
{
    private static readonly string[] s_tagPrefixes = { "LABEL=", "UUID=", "PARTUUID=" };

    public static string OfName(string name, bool isWindows)
    {
        if (IsTag(name, isWindows))
            return isWindows ? Fold(name) : name;
        var form = TrimEnds(name, isWindows);
        return isWindows ? Fold(form).Replace('/', '\\') : form;
    }

    /// <summary>
    /// A pattern with its ends in form; case and separators are the matcher's business, because inside a class both
    /// need its syntax.
    /// </summary>
    public static string OfPattern(string pattern, bool isWindows)
    {
        return IsTag(pattern, isWindows) ? pattern : TrimEnds(pattern, isWindows);
    }

    /// <summary>A label or an id, in which a separator is a character as any other.</summary>
    public static bool IsTag(string name, bool isWindows)
    {
        foreach (var prefix in s_tagPrefixes)
        {
            if (name.StartsWith(prefix, isWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    public static bool IsSeparator(char c, bool isWindows) => c == '/' || (isWindows && c == '\\');

    public static char Fold(char c) => char.ToUpperInvariant(c);

    private static string Fold(string text)
    {
        var folded = text.ToCharArray();
        for (var i = 0; i < folded.Length; i++)
            folded[i] = Fold(folded[i]);
        return new string(folded);
    }

    private static string TrimEnds(string text, bool isWindows)
    {
        var length = text.Length;
        while (length > 1 && IsSeparator(text[length - 1], isWindows))
            length--;
        var trimmed = length == text.Length ? text : text.Substring(0, length);
        return isWindows && length == 1 && IsLetter(trimmed[0]) ? trimmed + ":" : trimmed;
    }

    private static bool IsLetter(char c) => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z');
}
