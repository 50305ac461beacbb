using System;
using System.Collections.Generic;
using System.Text;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>Takes a command line apart, without a shell.</summary>
internal static class CommandWords
{
    /// <summary>
    /// Words by white space; single and double quotes group, and a backslash before a quote makes it plain: as restic
    /// splits a command line.
    /// </summary>
    /// <exception cref="FormatException">A quote is not closed; the message goes on after what the command line is called.</exception>
    public static IReadOnlyList<string> Split(string commandLine)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool inWord = false;
        char quote = '\0';
        for (int i = 0; i < commandLine.Length; i++)
        {
            char c = commandLine[i];
            if (c == '\\' && i + 1 < commandLine.Length && commandLine[i + 1] is '"' or '\'')
            {
                word.Append(commandLine[++i]);
                inWord = true;
            }
            else if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }
        if (quote != '\0')
            throw new FormatException("has a quote that is not closed");
        if (inWord)
            words.Add(word.ToString());
        return words;
    }
}
