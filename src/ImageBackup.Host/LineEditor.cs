using System;
using System.Collections.Generic;
using System.Management.Automation.Host;
using System.Text;

namespace ImageBackup.Host;

/// <summary>
/// Reads a line with the usual keys and a history; from a pipe, plainly. A line longer than the window scrolls
/// sideways.
/// </summary>
internal sealed class LineEditor(PSHostRawUserInterface raw)
{
    /// <summary>What <see cref="Read"/> gives when the user threw the line away with Ctrl+C.</summary>
    public const string Abandoned = "\u0003";

    private readonly List<string> _history = [];

    /// <summary>The line without its end; null at the end of input.</summary>
    public string? Read(string prompt)
    {
        if (Console.IsInputRedirected || Console.IsOutputRedirected)
            return Console.ReadLine();
        bool before = Console.TreatControlCAsInput;
        Console.TreatControlCAsInput = true;
        try
        {
            string? line = Edit(prompt);
            if (line is { Length: > 0 } && line != Abandoned && (_history.Count == 0 || _history[^1] != line))
                _history.Add(line);
            return line;
        }
        finally
        {
            Console.TreatControlCAsInput = before;
        }
    }

    private string? Edit(string prompt)
    {
        var line = new StringBuilder();
        int cursor = 0;
        int entry = _history.Count;
        Draw(prompt, line, cursor);
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            bool isControl = (key.Modifiers & ConsoleModifiers.Control) != 0;
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    Console.WriteLine();
                    return line.ToString();
                case ConsoleKey.C when isControl:
                    Console.WriteLine("^C");
                    return Abandoned;
                case ConsoleKey.D when isControl && line.Length == 0:
                    Console.WriteLine();
                    return null;
                case ConsoleKey.UpArrow when entry > 0:
                    cursor = Recall(line, _history[--entry]);
                    break;
                case ConsoleKey.DownArrow when entry < _history.Count:
                    entry++;
                    cursor = Recall(line, entry < _history.Count ? _history[entry] : "");
                    break;
                default:
                    cursor = Apply(key, isControl, line, cursor);
                    break;
            }
            Draw(prompt, line, cursor);
        }
    }

    /// <summary>Applies an editing key to the line; gives the new cursor.</summary>
    internal static int Apply(ConsoleKeyInfo key, bool isControl, StringBuilder line, int cursor)
    {
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow:
                return Math.Max(0, cursor - 1);
            case ConsoleKey.RightArrow:
                return Math.Min(line.Length, cursor + 1);
            case ConsoleKey.Home:
            case ConsoleKey.A when isControl:
                return 0;
            case ConsoleKey.End:
            case ConsoleKey.E when isControl:
                return line.Length;
            case ConsoleKey.Backspace when cursor > 0:
                line.Remove(cursor - 1, 1);
                return cursor - 1;
            case ConsoleKey.Delete when cursor < line.Length:
                line.Remove(cursor, 1);
                return cursor;
            case ConsoleKey.U when isControl:
                line.Remove(0, cursor);
                return 0;
            case ConsoleKey.K when isControl:
                line.Length = cursor;
                return cursor;
            case ConsoleKey.Escape:
                line.Clear();
                return 0;
        }
        if (isControl || char.IsControl(key.KeyChar))
            return cursor;
        line.Insert(cursor, key.KeyChar);
        return cursor + 1;
    }

    private static int Recall(StringBuilder line, string text)
    {
        line.Clear().Append(text);
        return text.Length;
    }

    private void Draw(string prompt, StringBuilder line, int cursor)
    {
        int room = Math.Max(10, raw.WindowSize.Width - prompt.Length - 1);
        int start = Math.Max(0, cursor - room + 1);
        string shown = line.ToString(start, Math.Min(room, line.Length - start));
        Console.Write("\r" + prompt + shown.PadRight(room) + "\r" + prompt + shown[..(cursor - start)]);
    }
}
