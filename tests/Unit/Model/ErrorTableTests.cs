using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Xunit;

namespace ImageBackup.Tests.Unit.Model;

public sealed class ErrorTableTests
{
    [Fact]
    public void Every_id_has_exactly_one_row()
    {
        Assert.Equal(Enum.GetValues<ErrorId>().Order(), ErrorTable.All.Select(row => row.Id).Order());
        Assert.All(Enum.GetValues<ErrorId>(), id => Assert.Equal(id, ErrorTable.Get(id).Id));
    }

    [Fact]
    public void Every_row_says_what_it_means_and_what_to_do() => Assert.All(ErrorTable.All, row =>
    {
        Assert.EndsWith(".", row.Meaning, StringComparison.Ordinal);
        Assert.True(row.Meaning.Length > 10, row.Meaning);
        Assert.True(row.RecommendedAction.Length > 10, row.RecommendedAction);
        Assert.True(Enum.IsDefined(row.Kind));
    });

    [Fact]
    public void Meanings_are_not_shared() => Assert.Equal(ErrorTable.All.Count, ErrorTable.All.Select(r => r.Meaning).Distinct().Count());

    [Fact]
    public void The_thrower_may_know_better_what_to_do()
    {
        Assert.Equal(ErrorTable.Get(ErrorId.WrongPassword).RecommendedAction, new ImageBackupException(ErrorId.WrongPassword, "x").RecommendedAction);
        Assert.Equal("Do this.", new ImageBackupException(ErrorId.WrongPassword, "x") { RecommendedAction = "Do this." }.RecommendedAction);
    }

    /// <summary>IMAGEBACKUP_WRITE_TOPICS=1 writes the topic; a test that only compares says so.</summary>
    [Fact]
    public void The_help_topic_is_made_of_the_table()
    {
        const string topic = "en-US/about_ImageBackup_Errors.help.txt";
        string expected = Topic();
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_WRITE_TOPICS") == "1")
            File.WriteAllText(Path.Combine(SourceTree.Root, topic), expected);
        Assert.True(expected == SourceTree.Read(topic), $"{topic} is not what the table says: run this test with IMAGEBACKUP_WRITE_TOPICS=1.");
    }

    private static string Topic()
    {
        var text = new StringBuilder("""
            TOPIC
                about_ImageBackup_Errors

            SHORT DESCRIPTION
                Every error of ImageBackup by its id: what it means and what to do.

            LONG DESCRIPTION
                The id is the beginning of $_.FullyQualifiedErrorId, in front of the
                comma. An id is never reused or renamed, so scripts can compare it.
                $_.ErrorDetails.RecommendedAction says what to do; it may know more than
                this page. The last word of a heading is the kind of error, of which
                PowerShell's category and the exit code of the Host are made (see
                about_ImageBackup_Schedule).

            ERRORS

            """.ReplaceLineEndings("\n"));
        foreach (ErrorEntry row in ErrorTable.All.OrderBy(row => row.Id.ToString(), StringComparer.Ordinal))
        {
            text.Append("    ").Append(row.Id).Append(" (").Append(row.Kind).Append(")\n");
            foreach (string line in Wrapped(row.Meaning + " " + row.RecommendedAction, 70))
                text.Append("        ").Append(line).Append('\n');
            text.Append('\n');
        }
        return text.Append("SEE ALSO\n    about_ImageBackup, about_ImageBackup_Events, about_ImageBackup_Schedule\n").ToString();
    }

    private static IEnumerable<string> Wrapped(string text, int width)
    {
        var line = new StringBuilder();
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }
            line.Append(line.Length > 0 ? " " : "").Append(word);
        }
        yield return line.ToString();
    }
}
