using System;
using System.Collections.Generic;
using System.Text;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// A pattern of a rule, compiled for one system's way to compare names. TSM's syntax:
/// <list type="bullet">
/// <item><c>?</c> one character, never a directory separator;</item>
/// <item><c>*</c> any number of characters, none of them a separator; the pattern <c>*</c> alone is every volume;</item>
/// <item><c>/...</c> (Windows also <c>\...</c>) any number of directories, none included;</item>
/// <item><c>[abc]</c>, <c>[a-m]</c> one character of a class; inside a class, and only there, <c>\</c> takes the
/// next character as it is: <c>[\*]</c>, <c>[\]]</c>. There is no negation.</item>
/// </list>
/// On Windows case does not count and <c>/</c> is <c>\</c>; a leading <c>\\?\</c> is not a wildcard. Separators at the
/// end do not count. In names that begin with LABEL=, UUID= or PARTUUID= nothing is a separator.
/// </summary>
internal sealed partial class VolumePattern
{
    /// <summary>Longer patterns are refused; no name of a volume comes near.</summary>
    public const int MaximumLength = 4096;

    private const string DeviceNamespace = @"\\?\";
    private readonly Token[] _tokens;
    private readonly int _minimumLength;

    private VolumePattern(string text, bool isWindows, Token[] tokens)
    {
        Text = text;
        IsWindows = isWindows;
        _tokens = tokens;
        MatchesEverything = tokens.Length == 1 && tokens[0].Kind == TokenKind.AnyRun;
        Prefix = LiteralPrefix(tokens);
        IsLiteral = Prefix.Length == tokens.Length;
        Suffix = IsLiteral ? Prefix : LiteralSuffix(tokens);
        Key = KeyOf(tokens);
        foreach (var token in tokens)
            _minimumLength += token.Kind is TokenKind.AnyRun or TokenKind.Directories ? 0 : 1;
    }

    /// <summary>As written.</summary>
    public string Text { get; }
    public bool IsWindows { get; }

    /// <summary>Without a wildcard: it names one volume.</summary>
    public bool IsLiteral { get; }
    public bool MatchesEverything { get; }

    /// <summary>The characters that every match begins with, in the form of <see cref="VolumeNameForm"/>.</summary>
    internal string Prefix { get; }

    /// <summary>The characters that every match ends with.</summary>
    internal string Suffix { get; }

    /// <summary>Equal for patterns that mean the same text: what "the same pattern" is when a rule is set again.</summary>
    internal string Key { get; }

    /// <summary>Null and the fault's place and message if the pattern's syntax is wrong.</summary>
    /// <param name="text">The pattern.</param>
    /// <param name="isWindows">Whose names it is to match.</param>
    /// <param name="faultIndex">Index in <paramref name="text"/>.</param>
    /// <param name="fault">What is wrong there.</param>
    public static VolumePattern? TryParse(string text, bool isWindows, out int faultIndex, out string? fault)
    {
        if (text is null)
            throw new ArgumentNullException(nameof(text));
        faultIndex = 0;
        fault = null;
        if (text.Length == 0)
            fault = "The pattern is empty.";
        else if (text.Length > MaximumLength)
            fault = "The pattern is longer than 4096 characters.";
        for (var i = 0; i < text.Length && fault is null; i++)
        {
            if (char.IsControl(text[i]))
                (faultIndex, fault) = (i, "The pattern has a control character.");
        }

        if (fault is not null)
            return null;

        var form = VolumeNameForm.OfPattern(text, isWindows);
        var isTag = VolumeNameForm.IsTag(form, isWindows);
        var tokens = new List<Token>(form.Length);
        var index = 0;
        if (isWindows && form.StartsWith(DeviceNamespace, StringComparison.Ordinal))
        {
            foreach (var c in DeviceNamespace)
                tokens.Add(Token.Literal(c));
            index = DeviceNamespace.Length;
        }

        while (index < form.Length)
        {
            var c = form[index];
            if (c == '[')
            {
                var charClass = ReadClass(form, ref index, isWindows, ref faultIndex, ref fault);
                if (charClass is null)
                    return null;

                // [\*] is how a wildcard is said to be none.
                tokens.Add(charClass.Single is { } only && !VolumeNameForm.IsSeparator(only, isWindows: true)
                    ? Token.Literal(isWindows ? VolumeNameForm.Fold(only) : only)
                    : new Token(TokenKind.Class, default, charClass));
                continue;
            }

            if (!isTag && VolumeNameForm.IsSeparator(c, isWindows) && IsDirectories(form, index, isWindows))
            {
                tokens.Add(new Token(TokenKind.Directories, default, null));
                index += 4;
                continue;
            }

            index++;
            switch (c)
            {
                case '?':
                    tokens.Add(new Token(TokenKind.AnyCharacter, default, null));
                    break;
                case '*':
                    // Two in a row match what one matches.
                    if (tokens.Count == 0 || tokens[tokens.Count - 1].Kind != TokenKind.AnyRun)
                        tokens.Add(new Token(TokenKind.AnyRun, default, null));
                    break;
                default:
                    tokens.Add(Token.Literal(!isWindows ? c : c == '/' && !isTag ? '\\' : VolumeNameForm.Fold(c)));
                    break;
            }
        }

        return new VolumePattern(text, isWindows, tokens.ToArray());
    }

    /// <summary>A volume's name as a pattern that matches this name and no other.</summary>
    public static string Escape(string name, bool isWindows)
    {
        if (name is null)
            throw new ArgumentNullException(nameof(name));
        var escaped = new StringBuilder(name.Length);
        var isTag = VolumeNameForm.IsTag(name, isWindows);
        for (var i = 0; i < name.Length; i++)
        {
            // In the device namespace's beginning nothing is a wildcard.
            var isPrefix = isWindows && i < DeviceNamespace.Length && name.StartsWith(DeviceNamespace, StringComparison.Ordinal);
            var startsDirectories = i > 0 && !isTag && VolumeNameForm.IsSeparator(name[i - 1], isWindows) && IsDirectories(name, i - 1, isWindows);
            if (!isPrefix && (name[i] is '*' or '?' or '[' || startsDirectories))
                escaped.Append('[').Append(name[i]).Append(']');
            else
                escaped.Append(name[i]);
        }

        return escaped.ToString();
    }

    /// <summary>True if the pattern matches any of the names; <paramref name="matchedName"/> is the first that it does.</summary>
    public bool IsMatch(VolumeNames volume, out string? matchedName)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        foreach (var name in volume.Names)
        {
            if (!IsMatchForm(VolumeNameForm.OfName(name, IsWindows)))
                continue;
            matchedName = name;
            return true;
        }

        matchedName = null;
        return false;
    }

    /// <summary>True if the pattern matches the name.</summary>
    public bool IsMatch(string name)
    {
        if (name is null)
            throw new ArgumentNullException(nameof(name));
        return IsMatchForm(VolumeNameForm.OfName(name, IsWindows));
    }

    public override string ToString() => Text;

    // A separator, three dots, and then a separator or the end.
    private static bool IsDirectories(string form, int index, bool isWindows) =>
        index + 3 < form.Length && form[index + 1] == '.' && form[index + 2] == '.' && form[index + 3] == '.'
        && (index + 4 == form.Length || VolumeNameForm.IsSeparator(form[index + 4], isWindows));

    private static CharacterClass? ReadClass(string form, ref int index, bool isWindows, ref int faultIndex, ref string? fault)
    {
        var open = index++;
        var ranges = new List<(char First, char Last)>();
        while (index < form.Length && form[index] != ']')
        {
            var start = index;
            if (!TryReadMember(form, ref index, out var first))
                break;
            var last = first;
            if (index + 1 < form.Length && form[index] == '-' && form[index + 1] != ']')
            {
                index++;
                if (!TryReadMember(form, ref index, out last))
                    break;
                if (last < first)
                {
                    faultIndex = start;
                    fault = "The range runs backwards.";
                    return null;
                }
            }

            ranges.Add((first, last));
        }

        if (index >= form.Length)
        {
            faultIndex = open;
            fault = "The '[' is not closed.";
            return null;
        }

        index++;
        if (ranges.Count == 0)
        {
            faultIndex = open;
            fault = "The class [] is empty.";
            return null;
        }

        return new CharacterClass(ranges.ToArray(), isWindows);
    }

    private static bool TryReadMember(string form, ref int index, out char member)
    {
        member = form[index++];
        if (member != '\\')
            return true;
        if (index >= form.Length)
            return false;
        member = form[index++];
        return true;
    }

    private static string LiteralPrefix(Token[] tokens)
    {
        var text = new StringBuilder();
        foreach (var token in tokens)
        {
            if (token.Kind != TokenKind.Literal)
                break;
            text.Append(token.Character);
        }

        return text.ToString();
    }

    private static string LiteralSuffix(Token[] tokens)
    {
        var start = tokens.Length;
        while (start > 0 && tokens[start - 1].Kind == TokenKind.Literal)
            start--;
        var text = new StringBuilder();
        for (var i = start; i < tokens.Length; i++)
            text.Append(tokens[i].Character);
        return text.ToString();
    }

    /// <summary>The runs of plain characters: each occurs in every name that matches, in the form of <see cref="VolumeNameForm"/>.</summary>
    internal List<string> LiteralPieces()
    {
        var pieces = new List<string>();
        var piece = new StringBuilder();
        foreach (var token in _tokens)
        {
            if (token.Kind == TokenKind.Literal)
            {
                piece.Append(token.Character);
                continue;
            }

            if (piece.Length > 0)
                pieces.Add(piece.ToString());
            piece.Clear();
        }

        if (piece.Length > 0)
            pieces.Add(piece.ToString());
        return pieces;
    }

    private static string KeyOf(Token[] tokens)
    {
        var text = new StringBuilder();
        foreach (var token in tokens)
            token.AppendKey(text);
        return text.ToString();
    }
}
