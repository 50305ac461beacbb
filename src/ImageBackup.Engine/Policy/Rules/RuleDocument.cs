using System;
using System.Collections.Generic;
using System.Text;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// A rule file: its lines as they stand, and what they say. Immutable; an edit gives a new document in which every
/// line that the edit did not concern is the same to the byte.
/// </summary>
/// <remarks>
/// <para>Evaluation runs from the bottom of the file up and the first match wins, as TSM's does. Wherever this
/// type speaks of an order ("first", "before"), it is the order of evaluation: the first rule is the lowest in the
/// file.</para>
/// <para>Syntax: one statement a line; keywords and option names without regard to case and in TSM's
/// abbreviations; values quoted with " or ' if they have blanks; a line whose first character is <c>*</c> is a
/// comment; blank lines do not count.</para>
/// </remarks>
internal sealed partial class RuleDocument
{
    private readonly IReadOnlyList<RuleLine> _lines;

    private RuleDocument(string path, RuleText text, RuleParseOptions options, Reader reader)
    {
        Path = path;
        Text = text;
        ParseOptions = options;
        _lines = reader.Lines;
        Statements = reader.Statements;
        Remarks = reader.Remarks;
        var rules = new List<ImageRule>();
        var domains = new List<VolumePattern>();
        var clientOptions = ImageOptions.Empty;
        for (var i = Statements.Count - 1; i >= 0; i--)
        {
            if (Statements[i] is ImageRule rule)
                rules.Add(rule);
            else if (Statements[i] is IncludedFileStatement included)
                rules.AddRange(included.Document.Rules);
        }

        foreach (var statement in Statements)
        {
            switch (statement)
            {
                case DomainStatement domain:
                    domains.AddRange(domain.Volumes);
                    break;
                case ClientOptionStatement option:
                    clientOptions = option.Options.Over(clientOptions);
                    break;
                case IncludedFileStatement included:
                    domains.AddRange(included.Document.Domain);
                    clientOptions = included.Document.ClientOptions.Over(clientOptions);
                    break;
            }
        }

        Rules = rules;
        Domain = domains;
        ClientOptions = clientOptions;
    }

    /// <summary>Where the file lies, or a name for it; in every fault and rule.</summary>
    public string Path { get; }
    public RuleParseOptions ParseOptions { get; }

    /// <summary>The file as it stands.</summary>
    public RuleText Text { get; }

    /// <summary>In the file's order.</summary>
    public IReadOnlyList<RuleStatement> Statements { get; }

    /// <summary>The rules in the order of evaluation, those of included files in their place.</summary>
    public IReadOnlyList<ImageRule> Rules { get; }

    /// <summary>What <c>domain.image</c> names, in the file's order; empty if there is no such statement.</summary>
    public IReadOnlyList<VolumePattern> Domain { get; }

    /// <summary>The client-wide options; of several statements of one option the lowest counts.</summary>
    public ImageOptions ClientOptions { get; }

    /// <summary>What was passed over.</summary>
    public IReadOnlyList<RuleRemark> Remarks { get; }

    public static RuleDocument Empty(string path, RuleParseOptions options) => Parse(RuleText.Of(string.Empty), path, options);

    /// <exception cref="RuleFileException">Anything wrong anywhere: no part of a faulty file applies.</exception>
    public static RuleDocument Parse(string text, string path, RuleParseOptions options) => Parse(RuleText.Of(text), path, options);

    /// <inheritdoc cref="Parse(string, string, RuleParseOptions)"/>
    public static RuleDocument Parse(RuleText text, string path, RuleParseOptions options)
    {
        if (text is null)
            throw new ArgumentNullException(nameof(text));
        if (path is null)
            throw new ArgumentNullException(nameof(path));
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return Read(text, path, options, isIncluded: false);
    }

    /// <summary>The rule of this file (not of one it includes) that has the pattern and takes effect; null if none has.</summary>
    public ImageRule? Find(string pattern)
    {
        var key = KeyOf(pattern);
        foreach (var rule in Rules)
        {
            if (rule.Path == Path && rule.Pattern.Key == key)
                return rule;
        }

        return null;
    }

    public override string ToString() => Text.Characters;

    private static RuleDocument Read(RuleText text, string path, RuleParseOptions options, bool isIncluded)
    {
        var reader = new Reader(path, options, isIncluded);
        reader.Read(SplitLines(text.Characters));
        if (reader.Faults.Count > 0)
            throw new RuleFileException(reader.Faults);
        if (text.IsBytewise)
            reader.Remarks.Add(new RuleRemark(path, 1, "The file is not in UTF-8; characters beyond ASCII are taken byte by byte."));
        return new RuleDocument(path, text, options, reader);
    }

    private static List<RuleLine> SplitLines(string text)
    {
        var lines = new List<RuleLine>();
        var start = 0;
        while (start < text.Length)
        {
            var feed = text.IndexOf('\n', start);
            var end = feed < 0 ? text.Length : feed;
            var next = feed < 0 ? text.Length : feed + 1;
            if (feed > start && text[feed - 1] == '\r')
                end--;
            lines.Add(new RuleLine(text.Substring(start, end - start), text.Substring(end, next - end), null));
            start = next;
        }

        return lines;
    }

    private static string JoinLines(IEnumerable<RuleLine> lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append(line.Text).Append(line.Terminator);
        return text.ToString();
    }

    /// <param name="Text">Without its end.</param>
    /// <param name="Terminator">\n, \r\n, or nothing at the end of the file.</param>
    /// <param name="Statement">Null for blank lines and comments, and for lines not yet read.</param>
    private sealed record RuleLine(string Text, string Terminator, RuleStatement? Statement)
    {
        public bool IsBlank => Text.Trim(' ', '\t').Length == 0;
        public bool IsComment => Text.TrimStart(' ', '\t').StartsWith("*", StringComparison.Ordinal);
    }
}
