using System.Globalization;
using System.Text;

namespace ImageBackup.Engine.Compat;

/// <summary>
/// Text of others (labels, names, paths, what programs and servers say) as it may be shown: with nothing in it that steers a
/// terminal, turns the direction of reading, or begins a line. Objects keep what was read; this is for where a person or a log
/// is told of it: views, ToString, messages, progress, tooltips, event logs. ImageBackup.Format.ps1xml does the same in a script.
/// </summary>
public static class DisplayText
{
    /// <summary>In one line: what must not be shown stands as \u{1b}.</summary>
    public static string Line(string? text) => text is null ? "" : Escape(text, isOneLine: true, "");

    /// <summary>
    /// A message, which may have several lines and tabs: further lines are indented, so that none passes for a message of its own.
    /// </summary>
    public static string Lines(string? text) => text is null ? "" : Escape(text, isOneLine: false, "    ");

    /// <summary>Whether a character must not be shown as it is.</summary>
    /// <remarks>
    /// C0, DEL and C1 (ECMA-48: ESC, CSI, OSC ... in both forms); the bidirectional controls of Unicode's UAX 9; its line and paragraph
    /// separators; the invisible fillers and annotations; half a surrogate pair is judged by <see cref="Escape"/>.
    /// </remarks>
    public static bool IsControl(char c) => c
        is < ' ' or (>= '\x7F' and <= '\x9F')
        or '\u061C' or '\u180E' or '\u200B' or '\u200E' or '\u200F' or (>= '\u2028' and <= '\u202E') or (>= '\u2060' and <= '\u206F')
        or '\uFEFF' or (>= '\uFFF9' and <= '\uFFFB');

    private static string Escape(string text, bool isOneLine, string indent)
    {
        StringBuilder? shown = null;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool isPair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            // The tags of plane 14 are invisible.
            bool isTag = isPair && c == '\uDB40';
            if (!(IsControl(c) || isTag || (char.IsSurrogate(c) && !isPair)))
            {
                shown?.Append(c);
                if (isPair)
                {
                    i++;
                    shown?.Append(text[i]);
                }
                continue;
            }
            shown ??= new StringBuilder(text.Length + 16).Append(text, 0, i);
            if (!isOneLine && (c is '\n' or '\t' || (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n')))
            {
                if (c == '\n')
                    shown.Append(c).Append(indent);
                else if (c == '\t')
                    shown.Append(c);
                continue;
            }
            int code = isPair ? char.ConvertToUtf32(c, text[++i]) : c;
            shown.Append(@"\u{").Append(code.ToString("x", CultureInfo.InvariantCulture)).Append('}');
        }
        return shown?.ToString() ?? text;
    }
}
