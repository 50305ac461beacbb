using System;
using System.Text.RegularExpressions;

namespace ImageBackup.Binding;

/// <summary>
/// A name with the wildcards * and ?. Brackets and backticks stand for themselves: they are common in names. A
/// caller that takes one looks for the name as it is written first: a name that exists wins over what it could match.
/// </summary>
internal sealed class NamePattern
{
    private static readonly string[] s_devicePrefixes = [@"\\?\", @"\\.\"];

    private readonly Regex _expression;

    private NamePattern(string text) => _expression = new Regex(
        "^" + Regex.Escape(text).Replace("\\*", ".*").Replace("\\?", ".") + "$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline,
        TimeSpan.FromSeconds(1));

    /// <summary>Null if the text has no wildcard; the question mark of \\?\ is none.</summary>
    public static NamePattern? Of(string text)
    {
        string rest = text;
        foreach (string prefix in s_devicePrefixes)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                rest = text.Substring(prefix.Length);
        }
        return rest.IndexOfAny(['*', '?']) >= 0 ? new NamePattern(text) : null;
    }

    public bool IsMatch(string name) => _expression.IsMatch(name);
}
