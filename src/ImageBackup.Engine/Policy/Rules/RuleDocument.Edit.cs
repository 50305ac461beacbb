using System;
using System.Collections.Generic;
using System.Text;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

internal sealed partial class RuleDocument
{
    /// <summary>
    /// Sets the rule of a pattern: changes the one that has it, in its place, or adds one. Afterwards exactly one rule
    /// of this file has the pattern (others that had it, and could never be reached, are taken out).
    /// </summary>
    /// <param name="rule">The whole rule: options that it does not name are not set afterwards.</param>
    /// <param name="position">Null: a rule that exists stays where it is, a new one becomes the first.</param>
    /// <exception cref="ImageBackupException">
    /// ParameterInvalid: the rule cannot be written so that it reads back the same. RuleNotFound: no rule has the
    /// position's pattern. NotSupported: an options file of TSM.
    /// </exception>
    public RuleDocument Set(RuleSpecification rule, RulePosition? position = null)
    {
        if (rule is null)
            throw new ArgumentNullException(nameof(rule));
        RequireEditable();
        var written = Render(rule);
        var key = KeyOf(rule.Pattern);
        if (position?.Pattern is { } anchor && KeyOf(anchor) == key)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The rule '{rule.Pattern}' cannot stand beside itself.", rule.Pattern);

        var lines = new List<RuleLine>(_lines);
        var existing = LastLineOf(lines, key);
        if (existing >= 0)
        {
            // A line that already says so is left as its author wrote it.
            var old = (ImageRule)lines[existing].Statement!;
            var line = Says(old, rule) ? lines[existing] : lines[existing] with { Text = Indent(lines[existing].Text) + written };
            if (position is null)
            {
                lines[existing] = line;
                RemoveOthers(lines, key, existing);
                return Edited(lines);
            }

            written = line.Text;
            lines.RemoveAll(each => HasKey(each, key));
        }

        Insert(lines, IndexOf(lines, position ?? RulePosition.First), written);
        return Edited(lines);
    }

    /// <summary>Takes out every rule of this file that has the pattern. Comments stay.</summary>
    /// <exception cref="ImageBackupException">RuleNotFound; NotSupported: an options file of TSM.</exception>
    public RuleDocument Remove(string pattern)
    {
        RequireEditable();
        var key = KeyOf(pattern);
        var lines = new List<RuleLine>(_lines);
        if (lines.RemoveAll(line => HasKey(line, key)) == 0)
            throw NotFound(pattern);
        return Edited(lines);
    }

    /// <summary>Sets what <c>domain.image</c> names, as one statement; none = no such statement.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid; NotSupported: an options file of TSM.</exception>
    public RuleDocument SetDomain(IReadOnlyList<string> volumes)
    {
        if (volumes is null)
            throw new ArgumentNullException(nameof(volumes));
        RequireEditable();
        var text = new StringBuilder("domain.image");
        foreach (var volume in volumes)
        {
            _ = KeyOf(volume);
            text.Append(' ').Append(Quoted(volume));
        }

        return Replace(line => line.Statement is DomainStatement, volumes.Count == 0 ? null : text.ToString());
    }

    /// <summary>Sets the client-wide options: those that differ are written, those that are null taken out.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid; NotSupported: an options file of TSM.</exception>
    public RuleDocument SetClientOptions(ImageOptions wanted)
    {
        if (wanted is null)
            throw new ArgumentNullException(nameof(wanted));
        RequireEditable();
        var document = this;
        foreach (var keyword in OptionKeyword.All)
        {
            if (keyword.Get is null)
                continue;
            var value = keyword.Get(wanted);
            if (value == keyword.Get(document.ClientOptions))
                continue;
            document = document.Replace(
                line => line.Statement is ClientOptionStatement option && keyword.Get(option.Options) is not null,
                value is null ? null : keyword.Name + " " + Quoted(value));
        }

        return document.ClientOptions.Equals(wanted)
            ? document
            : throw new ImageBackupException(ErrorId.ParameterInvalid,
                "The client-wide options cannot be written as they are: a value is out of its range, or an included file sets one.");
    }

    private RuleDocument Replace(Predicate<RuleLine> isOld, string? text)
    {
        var lines = new List<RuleLine>(_lines);
        var last = lines.FindLastIndex(isOld);
        if (last < 0)
        {
            if (text is not null)
                Insert(lines, IndexOf(lines, RulePosition.Last), text);
            return Edited(lines);
        }

        if (text is not null)
            lines[last] = new RuleLine(Indent(lines[last].Text) + text, lines[last].Terminator, null);
        for (var i = lines.Count - 1; i >= 0; i--)
        {
            if (isOld(lines[i]))
                lines.RemoveAt(i);
        }

        return Edited(lines);
    }

    // Reading the new text again is the proof that the edit left a list that is whole.
    private RuleDocument Edited(List<RuleLine> lines)
    {
        var text = JoinLines(lines);
        return text == Text.Characters ? this : Parse(Text.With(text), Path, ParseOptions);
    }

    /// <summary>The rule as a line, proven to read back as the same rule.</summary>
    private string Render(RuleSpecification rule)
    {
        var text = new StringBuilder(rule.Kind == RuleKind.Include ? "include.image " : "exclude.image ");
        text.Append(Quoted(rule.Pattern));
        if (rule.ManagementClass is { } managementClass)
            text.Append(' ').Append(Quoted(managementClass));
        foreach (var keyword in OptionKeyword.All)
        {
            if (keyword.Get?.Invoke(rule.Options) is { } value)
                text.Append(' ').Append(keyword.Name).Append('=').Append(Quoted(value));
        }

        var line = text.ToString();
        try
        {
            var read = Parse(line, Path, ParseOptions).Rules;
            if (read.Count == 1 && Says(read[0], rule) && read[0].Pattern.Text == rule.Pattern)
                return line;
        }
        catch (RuleFileException e)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, e.Faults[0].Message, rule.Pattern, e);
        }

        throw new ImageBackupException(ErrorId.ParameterInvalid, $"The rule cannot be written: '{line}' would not read back the same.", rule.Pattern);
    }

    private static bool Says(ImageRule rule, RuleSpecification wanted) =>
        rule.Kind == wanted.Kind
        && string.Equals(rule.ManagementClass, wanted.ManagementClass, StringComparison.OrdinalIgnoreCase)
        && rule.Options.Equals(wanted.Options);

    private int IndexOf(List<RuleLine> lines, RulePosition position)
    {
        if (position.Pattern is { } pattern)
        {
            var anchor = LastLineOf(lines, KeyOf(pattern));
            if (anchor < 0)
                throw NotFound(pattern);
            return position.IsEarly ? anchor + 1 : AboveComments(lines, anchor);
        }

        if (!position.IsEarly)
        {
            var top = lines.FindIndex(line => line.Statement is ImageRule or IncludedFileStatement);
            if (top >= 0)
                return AboveComments(lines, top);
        }

        return lines.FindLastIndex(line => !line.IsBlank) + 1;
    }

    // Comments directly above a rule are about it; those that open the file are about the file.
    private static int AboveComments(List<RuleLine> lines, int index)
    {
        var above = index;
        while (above > 0 && lines[above - 1].IsComment)
            above--;
        return above == 0 ? index : above;
    }

    private void Insert(List<RuleLine> lines, int index, string text)
    {
        var terminator = lines.Count > 0 && lines[0].Terminator.Length > 0 ? lines[0].Terminator : ParseOptions.IsWindows ? "\r\n" : "\n";
        if (index > 0 && lines[index - 1].Terminator.Length == 0)
            lines[index - 1] = lines[index - 1] with { Terminator = terminator };
        lines.Insert(index, new RuleLine(text, terminator, null));
    }

    private static void RemoveOthers(List<RuleLine> lines, string key, int kept)
    {
        for (var i = lines.Count - 1; i >= 0; i--)
        {
            if (i != kept && HasKey(lines[i], key))
                lines.RemoveAt(i);
        }
    }

    private static int LastLineOf(List<RuleLine> lines, string key) => lines.FindLastIndex(line => HasKey(line, key));

    private static bool HasKey(RuleLine line, string key) => line.Statement is ImageRule rule && rule.Pattern.Key == key;

    private static string Indent(string text) => text.Substring(0, text.Length - text.TrimStart(' ', '\t').Length);

    private static string Quoted(string value) =>
        RuleLexer.Quote(value)
        ?? throw new ImageBackupException(ErrorId.ParameterInvalid,
            "A value with a control character, or with both kinds of quotation marks and blanks, cannot be written to a rule list.");

    private string KeyOf(string pattern) =>
        VolumePattern.TryParse(pattern, ParseOptions.IsWindows, out _, out var fault)?.Key
        ?? throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{pattern}' is not a pattern: {fault}", pattern);

    private ImageBackupException NotFound(string pattern) =>
        new(ErrorId.RuleNotFound, $"{Path} has no rule for '{pattern}'.", pattern);

    private void RequireEditable()
    {
        if (ParseOptions.Dialect == RuleDialect.OptionsFile)
            throw new ImageBackupException(ErrorId.NotSupported,
                $"{Path} is an options file of TSM, and it is read only. Keep the rules in a rule list.", Path);
    }
}
