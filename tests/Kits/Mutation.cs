using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Kits;

/// <summary>A safeguard that is taken out, and the test that must notice; see tests/Mutations/mutations.txt.</summary>
internal sealed record Mutation(string Name, string File, string Before, string After, string Test)
{
    /// <summary>Reads the list.</summary>
    public static IReadOnlyList<Mutation> Load(string path)
    {
        var mutations = new List<Mutation>();
        string? name = null, file = null;
        var before = new List<string>();
        var after = new List<string>();
        foreach (string line in System.IO.File.ReadLines(path))
        {
            if (line.StartsWith("name  ", StringComparison.Ordinal))
                name = line[6..];
            else if (line.StartsWith("file  ", StringComparison.Ordinal))
                file = line[6..];
            else if (line.StartsWith("< ", StringComparison.Ordinal))
                before.Add(line[2..]);
            else if (line.StartsWith("> ", StringComparison.Ordinal))
                after.Add(line[2..]);
            else if (line.StartsWith("test  ", StringComparison.Ordinal))
            {
                mutations.Add(new Mutation(name!, file!, string.Join('\n', before), string.Join('\n', after), line[6..]));
                before.Clear();
                after.Clear();
            }
        }
        return mutations;
    }

    /// <summary>The file's text without the safeguard.</summary>
    /// <exception cref="InvalidDataException">The text does not stand there exactly once.</exception>
    public string Apply(string text)
    {
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        int at = text.IndexOf(Before, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(Before, at + 1, StringComparison.Ordinal) >= 0)
            throw new InvalidDataException($"'{Name}': the text is not exactly once in {File}.");
        return text[..at] + After + text[(at + Before.Length)..];
    }
}
