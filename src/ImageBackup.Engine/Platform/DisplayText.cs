using System;
using System.Globalization;
using System.Text;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// Text of others (labels, names, paths, what programs and servers say) as it may be shown: with nothing in it that steers a
/// terminal, turns the direction of reading, or begins a line. Objects keep what was read; this is for the edge, where a person
/// or a log is told of it: views (by ViewText.Line), ToString, messages, progress, tooltips, event logs.
/// </summary>
internal static class DisplayText
{
    private const string Indent = "    ";
    private const int ShortIdLength = 8;

    /// <summary>The high half of plane 14, whose characters are invisible tags.</summary>
    public const char TagPlane = '\uDB40';

    /// <summary>In one line: what must not be shown stands as \u{1b}.</summary>
    public static string Line(string? text) => Escape(text, isOneLine: true);

    /// <summary>
    /// A message, which may have several lines and tabs: further lines are indented, so that none passes for a message of its own.
    /// </summary>
    public static string Lines(string? text) => Escape(text, isOneLine: false);

    /// <summary>The beginning of a restic id, which is long enough for people.</summary>
    public static string ShortId(string? id) => Line(id is { Length: > ShortIdLength } ? id.Substring(0, ShortIdLength) : id);

    /// <summary>A time to the minute: "2026-03-04 05:06", whatever the culture's calendar and digits are.</summary>
    public static string Minute(DateTime time) => time.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    /// <summary>A time to the second: "2026-03-04 05:06:07", whatever the culture's calendar and digits are.</summary>
    public static string Second(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>What a record's ToString gives, in one line that can be shown.</summary>
    /// <param name="printMembers">The record's own, which the compiler writes.</param>
    public static string Record(string name, Func<StringBuilder, bool> printMembers)
    {
        if (printMembers is null)
            throw new ArgumentNullException(nameof(printMembers));
        var members = new StringBuilder();
        return printMembers(members) ? Line($"{name} {{ {members} }}") : name + " { }";
    }

    /// <summary>
    /// Unicode's control (C0, DEL, C1: ESC, CSI and OSC in both forms), format (the bidirectional controls among them), line and
    /// paragraph separators; but for the soft hyphen and the two joiners, which scripts and emojis are written with.
    /// </summary>
    public static bool IsShown(char c) => c is '\u00AD' or '\u200C' or '\u200D'
        || CharUnicodeInfo.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Escape(string? text, bool isOneLine)
    {
        if (text is null)
            return "";
        StringBuilder? shown = null;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool isTag = c == TagPlane && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            if (IsShown(c) && !isTag)
            {
                shown?.Append(c);
                continue;
            }
            shown ??= new StringBuilder(text.Length + 16).Append(text, 0, i);
            bool endsLine = c == '\n' || (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n');
            if (!isOneLine && c == '\t')
                shown.Append(c);
            else if (isOneLine || !endsLine)
                shown.Append(@"\u{").Append((isTag ? char.ConvertToUtf32(c, text[++i]) : c).ToString("x", CultureInfo.InvariantCulture)).Append('}');
            else if (c == '\n')
                shown.Append(c).Append(Indent);
        }
        return shown?.ToString() ?? text;
    }
}
