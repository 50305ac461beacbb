using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>Phrases that messages, help and comments do not use: src/CONTRIBUTING.md gives the words that take their place.</summary>
public sealed class EnglishTests
{
    /// <summary>All text of ours. This file names the phrases, so it is left out.</summary>
    private static readonly string[] s_folders =
    [
        "en-US", "src/ImageBackup", "src/ImageBackup.Engine", "src/ImageBackup.Host", "src/ImageBackup.Loader", "src/ImageBackup.Storage.Azure", "src/ImageBackup.Storage.S3", "src/ImageBackup.Vss",
        "src/ImageBackup.Vss.Requester", "src/ImageBackup.Vss.Signatures", "tests",
    ];

    private static readonly (Regex Phrase, string Instead)[] s_phrases =
    [
        (new(@"(?<!\bthere )\b(is|are) no (?!longer\b|more\b)", RegexOptions.IgnoreCase), "is not a"),
        (new(@"\bthe original\b", RegexOptions.IgnoreCase), "TSM"),
        (new(@"\bwhoever\b", RegexOptions.IgnoreCase), "the user who, the program that"),
        (new(@"\b(at|to) rest\b", RegexOptions.IgnoreCase), "quiesced"),
        (new(@"\b(null|true|false|throws|empty|none),? where\b", RegexOptions.IgnoreCase), "if"),
        (new(@"\bwhere (there (is|are|was|were)|it (cannot|can|could)|that (cannot|can)|none|nobody|neither)\b", RegexOptions.IgnoreCase), "if"),
    ];

    /// <summary>A comment's lines, and a paragraph's, are one text.</summary>
    private static readonly Regex s_lineBreak = new(@"\s*\r?\n\s*(///? ?)?\s*");

    private static IEnumerable<string> Faults(string text)
    {
        string joined = s_lineBreak.Replace(text, " ");
        return s_phrases.SelectMany(rule => rule.Phrase.Matches(joined).Select(match =>
            $"\"{joined.Substring(Math.Max(0, match.Index - 40), Math.Min(joined.Length - Math.Max(0, match.Index - 40), 90))}\": write \"{rule.Instead}\""));
    }

    public static TheoryData<string> Folders() => [.. s_folders];

    [Theory, MemberData(nameof(Folders))]
    public void The_text_of_a_folder_uses_none_of_the_phrases(string folder)
    {
        string[] files = [.. SourceTree.Files(folder, "*").Where(file => Path.GetExtension(file) is ".cs" or ".md" or ".txt" or ".xml" or ".ps1xml" or ".psm1" or ".ps1"
            && !file.EndsWith("EnglishTests.cs", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        Assert.Empty(files.SelectMany(file => Faults(SourceTree.Read(file)).Select(fault => $"{file}: {fault}")));
    }

    [Theory]
    [InlineData("'x' is no logical volume")]
    [InlineData("they are no data")]
    [InlineData("An options file of the original")]
    [InlineData("Whoever reads it")]
    [InlineData("/// the volume is at\r\n    /// rest until then")]
    [InlineData("// Null\n// where it is not known")]
    [InlineData("left out where it cannot be read")]
    public void A_phrase_is_found_across_lines_too(string text) => Assert.Single(Faults(text));

    [Theory]
    [InlineData("There is no volume 'x'")]
    [InlineData("the type is no longer set")]
    [InlineData("a snapshot that restic made, or what to restore")]
    [InlineData("the place where the blob lies")]
    public void Other_words_are_not(string text) => Assert.Empty(Faults(text));
}
