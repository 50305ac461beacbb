using System;
using System.Globalization;
using System.Text;

namespace ImageBackup.Engine.Policy.Rules;

internal sealed partial class VolumePattern
{
    private enum TokenKind
    {
        Literal,
        AnyCharacter,
        AnyRun,
        Class,
        Directories,
    }

    private readonly struct Token(TokenKind kind, char character, CharacterClass? charClass)
    {
        public TokenKind Kind { get; } = kind;
        public char Character { get; } = character;
        public CharacterClass? Class { get; } = charClass;

        public static Token Literal(char c) => new(TokenKind.Literal, c, null);

        // Literals are written plain, wildcards behind a character that no line of a rule file can hold.
        public void AppendKey(StringBuilder text)
        {
            switch (Kind)
            {
                case TokenKind.Literal:
                    text.Append(Character);
                    break;
                case TokenKind.Class:
                    text.Append('\0').Append('[');
                    Class!.AppendKey(text);
                    break;
                default:
                    text.Append('\0').Append(Kind switch { TokenKind.AnyCharacter => '?', TokenKind.AnyRun => '*', _ => '/' });
                    break;
            }
        }
    }

    private sealed class CharacterClass((char First, char Last)[] ranges, bool ignoreCase)
    {
        /// <summary>The only character that the class has, if it is an ASCII one; else null.</summary>
        public char? Single => ranges.Length == 1 && ranges[0].First == ranges[0].Last && ranges[0].First < 128 ? ranges[0].First : null;

        public bool Contains(char c) =>
            ContainsExactly(c) || (ignoreCase && (ContainsExactly(char.ToUpperInvariant(c)) || ContainsExactly(char.ToLowerInvariant(c))));

        public void AppendKey(StringBuilder text)
        {
            foreach (var (first, last) in ranges)
            {
                text.Append(((int)first).ToString("x", CultureInfo.InvariantCulture)).Append('-')
                    .Append(((int)last).ToString("x", CultureInfo.InvariantCulture)).Append(',');
            }

            text.Append(']');
        }

        private bool ContainsExactly(char c)
        {
            foreach (var (first, last) in ranges)
            {
                if (c >= first && c <= last)
                    return true;
            }

            return false;
        }
    }

    /// <summary>Matches a name that is already in the form of <see cref="VolumeNameForm.OfName"/> for this pattern's system.</summary>
    /// <remarks>
    /// Backtracks to the last <c>*</c>, and from there to the last <c>/...</c>: an earlier one of either kind could
    /// only give the later one fewer places to begin at, so nothing is missed and the work is bounded by the product
    /// of the lengths, once more for directories.
    /// </remarks>
    internal bool IsMatchForm(string name)
    {
        if (MatchesEverything)
            return true;
        if (IsLiteral)
            return name == Prefix;
        if (name.Length < _minimumLength || !name.StartsWith(Prefix, StringComparison.Ordinal) || !name.EndsWith(Suffix, StringComparison.Ordinal))
            return false;

        // A separator ends a directory only in names that are paths.
        var separator = VolumeNameForm.IsTag(name, IsWindows) ? '\0' : IsWindows ? '\\' : '/';
        var at = 0;
        var token = 0;
        int runToken = -1, runAt = 0;
        int directoriesToken = -1, directoriesAt = 0;
        while (true)
        {
            if (token == _tokens.Length)
            {
                if (at == name.Length)
                    return true;
            }
            else if (_tokens[token].Kind == TokenKind.AnyRun)
            {
                runToken = token++;
                runAt = at;
                continue;
            }
            else if (_tokens[token].Kind == TokenKind.Directories)
            {
                // Only at a directory's end; elsewhere it is a mismatch, which the run before it may mend.
                if (at == name.Length || name[at] == separator)
                {
                    directoriesToken = token++;
                    directoriesAt = at;
                    runToken = -1;
                    continue;
                }
            }
            else if (at < name.Length && IsOne(_tokens[token], name[at], separator))
            {
                token++;
                at++;
                continue;
            }

            if (runToken >= 0 && runAt < name.Length && name[runAt] != separator)
            {
                at = ++runAt;
                token = runToken + 1;
                continue;
            }

            // One more directory: a separator and what follows up to the next.
            if (directoriesToken < 0 || directoriesAt >= name.Length || name[directoriesAt] != separator)
                return false;
            directoriesAt++;
            while (directoriesAt < name.Length && name[directoriesAt] != separator)
                directoriesAt++;
            at = directoriesAt;
            token = directoriesToken + 1;
            runToken = -1;
        }
    }

    private static bool IsOne(in Token token, char c, char separator) => token.Kind switch
    {
        TokenKind.Literal => c == token.Character,
        TokenKind.AnyCharacter => c != separator,
        _ => c != separator && token.Class!.Contains(c),
    };
}
