using System;
using System.Collections.Generic;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>What the rules say of a volume.</summary>
/// <param name="Rule">The rule that it hit; null: none matches, which includes it with the default class.</param>
/// <param name="MatchedName">The volume's name that the rule's pattern matches; null without a rule.</param>
internal sealed record RuleDecision(ImageRule? Rule, string? MatchedName)
{
    public bool IsIncluded => Rule is null || Rule.Kind == RuleKind.Include;

    /// <summary>The class that the rule names; null: the default class.</summary>
    public string? ManagementClass => Rule?.ManagementClass;
    public ImageOptions Options => Rule?.Options ?? ImageOptions.Empty;
    public string? Path => Rule?.Path;
    public int? Line => Rule?.Line;

    /// <summary>The rule as it is shown and recorded; null: none matches.</summary>
    public MatchedRule? Hit => Rule is null
        ? null
        : new MatchedRule
        {
            Text = Rule.Text,
            Path = Rule.Path,
            Line = Rule.Line,
            Pattern = Rule.Pattern.Text,
            MatchedName = MatchedName,
            IsEnforced = Rule.IsEnforced,
        };
}

/// <summary>
/// Finds the rule that a volume hits: the enforced list first, then the machine's, each from the bottom up; the first
/// match wins. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// Patterns without wildcards are looked up. Of every other one a piece of plain text is taken that few patterns have;
/// one pass over a name finds the pieces in it, and only their patterns are tried. Of those that match, the first in
/// the order of evaluation wins. A pattern that occurs again later in that order can never be reached and is left out.
/// </remarks>
internal sealed class RuleEvaluator
{
    private readonly List<ImageRule> _rules = new();
    private readonly Dictionary<string, int> _literals = new(StringComparer.Ordinal);
    private readonly LiteralAutomaton _byPiece = new();

    // Patterns of nothing but wildcards, tried on every name.
    private readonly List<int> _withoutPiece = new();
    private readonly bool _isWindows;

    /// <param name="machine">The machine's list.</param>
    /// <param name="enforced">The list in the repository's keeping; null if it keeps none.</param>
    public RuleEvaluator(RuleDocument machine, RuleDocument? enforced = null)
    {
        if (machine is null)
            throw new ArgumentNullException(nameof(machine));
        _isWindows = machine.ParseOptions.IsWindows;
        if (enforced is not null && enforced.ParseOptions.IsWindows != _isWindows)
            throw new ArgumentException("The lists compare names in different ways.", nameof(enforced));
        if (enforced is not null)
            _rules.AddRange(enforced.Rules);
        _rules.AddRange(machine.Rules);
        Index();
    }

    /// <summary>All rules in the order of evaluation.</summary>
    public IReadOnlyList<ImageRule> Rules => _rules;

    public RuleDecision Evaluate(VolumeNames volume)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (volume.IsWindows != _isWindows)
            throw new ArgumentException("The volume's names are compared in another way than the lists'.", nameof(volume));
        var best = int.MaxValue;
        string? matched = null;
        foreach (var name in volume.Names)
        {
            var form = VolumeNameForm.OfName(name, _isWindows);
            var before = best;
            if (_literals.TryGetValue(form, out var literal) && literal < best)
                best = literal;
            best = FirstMatch(_withoutPiece, form, best);
            foreach (var candidates in _byPiece.FindIn(form))
                best = FirstMatch(candidates, form, best);
            if (best < before)
                matched = name;
        }

        return best == int.MaxValue ? new RuleDecision(null, null) : new RuleDecision(_rules[best], matched);
    }

    /// <summary>The lowest of the rules (ascending) below <paramref name="best"/> that matches; else <paramref name="best"/>.</summary>
    private int FirstMatch(List<int> candidates, string form, int best)
    {
        foreach (var rule in candidates)
        {
            if (rule >= best)
                return best;
            if (_rules[rule].Pattern.IsMatchForm(form))
                return rule;
        }

        return best;
    }

    private void Index()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var wild = new List<(int Rule, List<string> Pieces)>();
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < _rules.Count; i++)
        {
            var pattern = _rules[i].Pattern;
            if (!seen.Add(pattern.Key))
                continue;
            if (pattern.IsLiteral)
            {
                _literals.Add(pattern.Prefix, i);
                continue;
            }

            var pieces = pattern.LiteralPieces();
            wild.Add((i, pieces));
            foreach (var piece in pieces)
                counts[piece] = counts.TryGetValue(piece, out var count) ? count + 1 : 1;
        }

        foreach (var (rule, pieces) in wild)
        {
            string? rarest = null;
            foreach (var piece in pieces)
            {
                if (rarest is null || counts[piece] < counts[rarest] || (counts[piece] == counts[rarest] && piece.Length > rarest.Length))
                    rarest = piece;
            }

            if (rarest is null)
                _withoutPiece.Add(rule);
            else
                _byPiece.Add(rarest, rule);
        }

        _byPiece.Complete();
    }
}
