using System;
using System.Collections.Generic;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

internal sealed partial class RuleDocument
{
    private const int MaximumLineLength = 32768;

    /// <summary>Reads lines into statements; gathers faults instead of stopping at the first.</summary>
    private sealed class Reader(string path, RuleParseOptions options, bool isIncluded)
    {
        private readonly List<RuleWord> _words = new();
        private int _line;

        public List<RuleLine> Lines { get; } = new();
        public List<RuleStatement> Statements { get; } = new();
        public List<RuleRemark> Remarks { get; } = new();
        public List<RuleError> Faults { get; } = new();

        private bool IsOptionsFile => options.Dialect == RuleDialect.OptionsFile;

        public void Read(List<RuleLine> lines)
        {
            var stanza = IsOptionsFile && !isIncluded ? ChooseStanza(lines) : null;
            var isOurs = true;
            foreach (var line in lines)
            {
                _line++;
                RuleStatement? statement = null;
                if (!line.IsBlank && !line.IsComment)
                {
                    var keyword = KeywordOf(line.Text);
                    if (stanza is not null && StatementKeyword.ServerName.Matches(keyword))
                    {
                        isOurs = TryReadWords(line.Text) && _words.Count > 1 && IsSame(_words[1].Whole, stanza);
                        if (!isOurs)
                            Remark("The stanza of another server begins; it is skipped.");
                        statement = new ForeignStatement(path, _line, StatementKeyword.ServerName.Name);
                    }
                    else if (isOurs)
                    {
                        statement = ReadStatement(line.Text, keyword);
                    }
                }

                Lines.Add(line with { Statement = statement });
                if (statement is not null)
                    Statements.Add(statement);
                if (Faults.Count >= RuleFileException.MaximumFaults)
                    return;
            }
        }

        /// <summary>The server whose stanza applies; null if the file has no stanzas.</summary>
        private string? ChooseStanza(List<RuleLine> lines)
        {
            var servers = new List<string>();
            var wanted = options.ServerName;
            var wantedLine = 0;
            _line = 0;
            foreach (var line in lines)
            {
                _line++;
                if (line.IsBlank || line.IsComment)
                    continue;
                var keyword = KeywordOf(line.Text);
                var isServer = StatementKeyword.ServerName.Matches(keyword);
                if (!isServer && !(servers.Count == 0 && StatementKeyword.DefaultServer.Matches(keyword)))
                    continue;
                if (!TryReadWords(line.Text) || _words.Count < 2)
                    continue;
                if (isServer)
                    servers.Add(_words[1].Whole);
                else if (options.ServerName is null)
                    (wanted, wantedLine) = (_words[1].Whole, _line);
            }

            if (wanted is not null && (servers.Count > 0 || options.ServerName is not null)
                && !servers.Exists(server => IsSame(server, wanted)))
            {
                _line = Math.Max(1, wantedLine);
                Fault(1, $"There is no stanza of the server '{wanted}'.");
            }

            _line = 0;
            return servers.Count == 0 ? null : wanted ?? servers[0];
        }

        private RuleStatement? ReadStatement(string text, string keyword)
        {
            var known = StatementKeyword.Find(keyword);
            var option = known is null ? OptionKeyword.Find(keyword) : null;
            if (known is null && option is null)
            {
                // Not cut into words: other statements' lines are not ours to check.
                if (IsOptionsFile)
                    return Foreign(keyword);
                Fault(FirstColumn(text), $"'{Shown(keyword)}' is not a statement of a rule list. There are include.image, "
                    + "exclude.image, domain.image, inclexcl and the client-wide options.");
                return null;
            }

            if (text.Length > MaximumLineLength)
            {
                Fault(MaximumLineLength + 1, "The line is longer than 32768 characters.");
                return null;
            }

            if (!TryReadWords(text, reportFault: true))
                return null;
            if (option is not null)
                return ReadClientOption(option);
            if (known == StatementKeyword.Include)
                return ReadRule(RuleKind.Include, text);
            if (known == StatementKeyword.Exclude)
                return ReadRule(RuleKind.Exclude, text);
            if (known == StatementKeyword.Domain)
                return ReadDomain();
            if (known == StatementKeyword.IncludedFile)
                return ReadIncludedFile();
            if (IsOptionsFile)
                return Foreign(keyword);
            Fault(FirstColumn(text), $"'{known!.Name}' belongs in TSM's options files, not in a rule list.");
            return null;
        }

        private ForeignStatement Foreign(string keyword)
        {
            Remark($"'{Shown(keyword)}' is not for image backup; it is skipped.");
            return new ForeignStatement(path, _line, keyword);
        }

        private ImageRule? ReadRule(RuleKind kind, string text)
        {
            if (_words.Count < 2)
            {
                Fault(EndColumn(), "A pattern is missing.");
                return null;
            }

            var pattern = ReadPattern(_words[1]);
            var faultsBefore = Faults.Count;
            if (kind == RuleKind.Exclude && _words.Count > 2)
                Fault(_words[2].Column, "exclude.image takes a pattern and nothing else.");
            if (pattern is null || Faults.Count > faultsBefore)
                return null;
            string? managementClass = null;
            var imageOptions = ImageOptions.Empty;
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 2; i < _words.Count; i++)
            {
                var word = _words[i];
                if (word.Name is not null)
                    ReadOption(word, seen, ref imageOptions);
                else if (i > 2)
                    Fault(word.Column, "An option is written name=value; the class stands directly after the pattern.");
                else if (ManagementClass.IsValidName(word.Text))
                    managementClass = word.Text;
                else
                    Fault(word.Column, $"'{Shown(word.Text)}' cannot be a management class's name.");
            }

            return Faults.Count > faultsBefore
                ? null
                : new ImageRule(path, _line, kind, pattern)
                {
                    ManagementClass = managementClass,
                    Options = imageOptions,
                    IsEnforced = options.IsEnforced,
                    Text = text.Trim(' ', '\t'),
                };
        }

        private void ReadOption(in RuleWord word, HashSet<string> seen, ref ImageOptions imageOptions)
        {
            var keyword = OptionKeyword.Find(word.Name!);
            if (keyword is null)
            {
                if (IsOptionsFile)
                    Remark($"The option '{Shown(word.Name!)}' is not known here; it is skipped.");
                else
                    Fault(word.Column, $"There is no option '{Shown(word.Name!)}'.");
                return;
            }

            var updated = keyword.Set(imageOptions, word.Text);
            if (updated is null)
            {
                Fault(word.ValueColumn, $"'{Shown(word.Text)}' is not a value of {keyword.Name}: {keyword.Values}.");
                return;
            }

            if (IsForbidden(updated, word.ValueColumn))
                return;

            // dynamicimage=yes sets the type too; dynamicimage=no sets nothing.
            var name = keyword.Get is null ? "imagetype" : keyword.Name;
            if (!updated.Equals(imageOptions) && !seen.Add(name))
                Fault(word.Column, $"{name} is set twice.");
            imageOptions = updated;
        }

        // A user who can write to the repository must not be able to run programs on every machine that backs up to it.
        private bool IsForbidden(ImageOptions read, int column)
        {
            if (!options.IsEnforced || (string.IsNullOrEmpty(read.PreSnapshotCommand) && string.IsNullOrEmpty(read.PostSnapshotCommand)))
                return false;
            Fault(column, "The list in the repository may not name a command to run; only \"\", to run none.");
            return true;
        }

        private DomainStatement? ReadDomain()
        {
            var volumes = new List<VolumePattern>();
            var faultsBefore = Faults.Count;
            for (var i = 1; i < _words.Count; i++)
            {
                if (ReadPattern(_words[i]) is { } volume)
                    volumes.Add(volume);
            }

            if (_words.Count < 2)
                Fault(EndColumn(), "A volume is missing.");
            return Faults.Count > faultsBefore ? null : new DomainStatement(path, _line, volumes);
        }

        private ClientOptionStatement? ReadClientOption(OptionKeyword keyword)
        {
            if (_words.Count != 2)
            {
                Fault(_words.Count < 2 ? EndColumn() : _words[2].Column,
                    _words.Count < 2 ? $"The value of {keyword.Name} is missing." : $"{keyword.Name} takes one value; put it in quotes if it has blanks.");
                return null;
            }

            var value = keyword.Set(ImageOptions.Empty, _words[1].Whole);
            if (value is not null)
                return IsForbidden(value, _words[1].Column) ? null : new ClientOptionStatement(path, _line, keyword.Name, value);
            Fault(_words[1].Column, $"'{Shown(_words[1].Whole)}' is not a value of {keyword.Name}: {keyword.Values}.");
            return null;
        }

        private IncludedFileStatement? ReadIncludedFile()
        {
            if (_words.Count != 2 || _words[1].Whole.Length == 0)
            {
                Fault(_words.Count < 2 ? EndColumn() : _words[_words.Count - 1].Column, "inclexcl takes one file.");
                return null;
            }

            if (isIncluded || options.OpenIncluded is null)
            {
                Fault(_words[0].Column, isIncluded ? "A file that is included may not include another." : "This list cannot include a file.");
                return null;
            }

            var file = _words[1].Whole;
            try
            {
                var (includedPath, text) = options.OpenIncluded(file, path);
                var document = RuleDocument.Read(text, includedPath, options, isIncluded: true);
                Remarks.AddRange(document.Remarks);
                return new IncludedFileStatement(path, _line, includedPath, document);
            }
            catch (RuleFileException e)
            {
                Faults.AddRange(e.Faults);
            }
            catch (ImageBackupException e)
            {
                Fault(_words[1].Column, e.Message);
            }

            return null;
        }

        private VolumePattern? ReadPattern(in RuleWord word)
        {
            var pattern = VolumePattern.TryParse(word.Whole, options.IsWindows, out var index, out var fault);
            if (pattern is null)
            {
                var inValue = word.Name is null ? index : index - word.Name.Length - 1;
                Fault(inValue < 0 ? word.Column + index : word.ValueColumn + inValue, fault!);
            }

            return pattern;
        }

        private bool TryReadWords(string text, bool reportFault = false)
        {
            if (RuleLexer.TryRead(text, _words, out var column, out var fault))
                return true;
            if (reportFault)
                Fault(column, fault!);
            return false;
        }

        private void Fault(int column, string message) => Faults.Add(new RuleError(path, _line, column, message));

        private void Remark(string message) => Remarks.Add(new RuleRemark(path, _line, message));

        private int EndColumn() => _words[_words.Count - 1].ValueColumn + _words[_words.Count - 1].Text.Length;

        private static string KeywordOf(string text)
        {
            var start = FirstColumn(text) - 1;
            var end = start;
            while (end < text.Length && !RuleLexer.IsBlank(text[end]))
                end++;
            return text.Substring(start, end - start);
        }

        private static int FirstColumn(string text)
        {
            var start = 0;
            while (start < text.Length && RuleLexer.IsBlank(text[start]))
                start++;
            return start + 1;
        }

        // Hostile text must not fill a screen or reach it as control characters.
        private static string Shown(string text)
        {
            var characters = (text.Length > 64 ? text.Substring(0, 64) : text).ToCharArray();
            for (var i = 0; i < characters.Length; i++)
            {
                if (char.IsControl(characters[i]))
                    characters[i] = '?';
            }

            return text.Length > 64 ? new string(characters) + "..." : new string(characters);
        }

        private static bool IsSame(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A statement's keyword: its shortest form (TSM's capitals) and the rest.</summary>
    private sealed class StatementKeyword(string shortest, string rest)
    {
        public static readonly StatementKeyword Include = new("include.im", "age");
        public static readonly StatementKeyword Exclude = new("exclude.im", "age");
        public static readonly StatementKeyword Domain = new("domain.im", "age");
        public static readonly StatementKeyword IncludedFile = new("incle", "xcl");
        public static readonly StatementKeyword ServerName = new("se", "rvername");
        public static readonly StatementKeyword DefaultServer = new("defaults", "erver");
        private static readonly StatementKeyword[] s_all = { Include, Exclude, Domain, IncludedFile, ServerName, DefaultServer };

        public string Name { get; } = shortest + rest;

        public bool Matches(string word) =>
            word.Length >= shortest.Length && Name.StartsWith(word, StringComparison.OrdinalIgnoreCase);

        public static StatementKeyword? Find(string word) => Array.Find(s_all, keyword => keyword.Matches(word));
    }
}
