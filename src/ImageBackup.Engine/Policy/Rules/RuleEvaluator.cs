using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy;

/// <summary>What the rules say of a volume.</summary>
/// <param name="Rule">The rule that it hit; null: none matches, which includes it with the default class.</param>
/// <param name="MatchedName">The volume's name that the rule's pattern matches; null without a rule.</param>
public sealed record RuleDecision(ImageRule? Rule, string? MatchedName)
{
    public bool IsIncluded => Rule is null || Rule.Kind == RuleKind.Include;

    /// <summary>The class that the rule names; null: the default class.</summary>
    public string? ManagementClass => Rule?.ManagementClass;
    public ImageOptions Options => Rule?.Options ?? ImageOptions.Empty;
    public string? Path => Rule?.Path;
    public int? Line => Rule?.Line;
}

/// <summary>
/// Finds the rule that a volume hits: the enforced list first, then the machine's, each from the bottom up; the first
/// match wins. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// The rules are indexed by what their patterns begin with (or, where they begin with a wildcard, end with), so that
/// a volume meets only the few rules that can match it; of those the first in the order of evaluation wins. A pattern
/// that occurs again later in that order can never be reached and is left out.
/// </remarks>
public sealed class RuleEvaluator
{
    private readonly List<ImageRule> _rules = new();
    private readonly Dictionary<string, int> _literals = new(StringComparer.Ordinal);
    private readonly AffixIndex _byPrefix = new(isSuffix: false);
    private readonly AffixIndex _bySuffix = new(isSuffix: true);
    private readonly bool _isWindows;

    /// <param name="machine">The machine's list.</param>
    /// <param name="enforced">The list in the repository's keeping; null where it keeps none.</param>
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
            best = _byPrefix.FirstMatch(form, best, _rules);
            best = _bySuffix.FirstMatch(form, best, _rules);
            if (best < before)
                matched = name;
        }

        return best == int.MaxValue ? new RuleDecision(null, null) : new RuleDecision(_rules[best], matched);
    }

    private void Index()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < _rules.Count; i++)
        {
            var pattern = _rules[i].Pattern;
            if (!seen.Add(pattern.Key))
                continue;
            if (pattern.IsLiteral)
                _literals.Add(pattern.Prefix, i);
            else if (pattern.Prefix.Length > 0 || pattern.Suffix.Length == 0)
                _byPrefix.Add(pattern.Prefix, i);
            else
                _bySuffix.Add(pattern.Suffix, i);
        }
    }

    /// <summary>Rule numbers by the beginning (or end) of what they match, ascending in each list.</summary>
    private sealed class AffixIndex(bool isSuffix)
    {
        private readonly SortedDictionary<int, Dictionary<string, List<int>>> _byLength = new();

        public void Add(string affix, int rule)
        {
            if (!_byLength.TryGetValue(affix.Length, out var byAffix))
                _byLength.Add(affix.Length, byAffix = new Dictionary<string, List<int>>(StringComparer.Ordinal));
            if (!byAffix.TryGetValue(affix, out var rules))
                byAffix.Add(affix, rules = new List<int>());
            rules.Add(rule);
        }

        /// <summary>The lowest number below <paramref name="best"/> whose pattern matches; else <paramref name="best"/>.</summary>
        public int FirstMatch(string form, int best, List<ImageRule> all)
        {
            foreach (var entry in _byLength)
            {
                if (entry.Key > form.Length)
                    break;
                var affix = isSuffix ? form.Substring(form.Length - entry.Key) : form.Substring(0, entry.Key);
                if (!entry.Value.TryGetValue(affix, out var rules))
                    continue;
                foreach (var rule in rules)
                {
                    if (rule >= best)
                        break;
                    if (!all[rule].Pattern.IsMatchForm(form))
                        continue;
                    best = rule;
                    break;
                }
            }

            return best;
        }
    }
}
