using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>One word of a line: its value without quotes, and where it stands.</summary>
/// <param name="Text">The value: what is between the quotes, or the word itself. With <see cref="Name"/>: what follows the '='.</param>
/// <param name="Column">Where the word begins, from 1.</param>
/// <param name="ValueColumn">Where the value's first character is, from 1.</param>
/// <param name="Name">What stands before the first '='; null if there is none or the word begins with a quote.</param>
/// <param name="IsQuoted">The word begins with a quote.</param>
internal readonly record struct RuleWord(string Text, int Column, int ValueColumn, string? Name, bool IsQuoted)
{
    /// <summary>The whole word again, name and '=' included: a pattern such as LABEL=x is not an option.</summary>
    public string Whole => Name is null ? Text : Name + "=" + Text;
}

/// <summary>
/// Cuts a line into words. Blanks and tabs separate. A word may be quoted with " or ', and so may what follows the
/// first '=' of a word; the same quote ends it and no character is special in between (a value with one kind of
/// quote in it is put in the other kind).
/// </summary>
internal static class RuleLexer
{
    public static bool IsBlank(char c) => c is ' ' or '\t';

    /// <summary>False if the line cannot be cut; then the fault's column (from 1) and message.</summary>
    public static bool TryRead(string line, List<RuleWord> words, out int faultColumn, out string? fault)
    {
        words.Clear();
        faultColumn = 1;
        fault = null;
        var at = 0;
        while (true)
        {
            while (at < line.Length && IsBlank(line[at]))
                at++;
            if (at == line.Length)
                return true;
            var start = at;
            string? name = null;
            while (at < line.Length && !IsBlank(line[at]) && !(at == start && IsQuote(line[at])))
            {
                if (char.IsControl(line[at]))
                {
                    faultColumn = at + 1;
                    fault = "There is a control character in the line.";
                    return false;
                }

                if (line[at] == '=' && name is null)
                {
                    name = line.Substring(start, at - start);
                    at++;
                    break;
                }

                at++;
            }

            var valueStart = name is null ? start : at;
            if (at < line.Length && IsQuote(line[at]) && at == valueStart)
            {
                if (!TryReadQuoted(line, ref at, out var value, out faultColumn, out fault))
                    return false;
                words.Add(new RuleWord(value!, start + 1, valueStart + 2, name, name is null));
                continue;
            }

            while (at < line.Length && !IsBlank(line[at]))
            {
                if (char.IsControl(line[at]))
                {
                    faultColumn = at + 1;
                    fault = "There is a control character in the line.";
                    return false;
                }

                at++;
            }

            words.Add(new RuleWord(line.Substring(valueStart, at - valueStart), start + 1, valueStart + 1, name, false));
        }
    }

    /// <summary>The value as it must be written to read back; null if no way of quoting can hold it.</summary>
    public static string? Quote(string value)
    {
        var equals = value.IndexOf('=');
        var needsQuotes = value.Length == 0 || IsQuote(value[0])
            || (equals >= 0 && equals + 1 < value.Length && IsQuote(value[equals + 1]));
        foreach (var c in value)
        {
            if (c != '\t' && char.IsControl(c))
                return null;
            needsQuotes |= IsBlank(c);
        }

        if (!needsQuotes)
            return value;
        if (value.IndexOf('"') < 0)
            return "\"" + value + "\"";
        return value.IndexOf('\'') < 0 ? "'" + value + "'" : null;
    }

    private static bool TryReadQuoted(string line, ref int at, out string? value, out int faultColumn, out string? fault)
    {
        value = null;
        faultColumn = at + 1;
        fault = null;
        var open = at;
        var close = line.IndexOf(line[open], open + 1);
        if (close < 0)
        {
            fault = "The quotation mark is not closed.";
            return false;
        }

        for (var i = open + 1; i < close; i++)
        {
            if (line[i] == '\t' || !char.IsControl(line[i]))
                continue;
            faultColumn = i + 1;
            fault = "There is a control character in the line.";
            return false;
        }

        at = close + 1;
        if (at < line.Length && !IsBlank(line[at]))
        {
            faultColumn = at + 1;
            fault = "A blank must follow the closing quotation mark.";
            return false;
        }

        value = line.Substring(open + 1, close - open - 1);
        return true;
    }

    private static bool IsQuote(char c) => c is '"' or '\'';
}
