using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>The base of the cmdlets that set a rule: its pattern and its place in the order of evaluation.</summary>
public abstract class RuleCmdlet : PolicyEditCmdlet
{
    private protected const string BeforeSet = "Before";
    private protected const string AfterSet = "After";
    private protected const string FirstSet = "First";
    private protected const string LastSet = "Last";
    private protected const string IndexSet = "Index";

    /// <summary>
    /// The patterns: they match any of a volume's names (letter, mount point, device, \\?\Volume{guid}\, LABEL=, UUID=,
    /// PARTUUID=), with * ? and [...]. Objects that stand for a volume give the pattern that its name alone matches.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [RulePatternTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [SupportsWildcards]
    [ValidateNotNull]
    public RulePatternArgument[] Volume { get; set; } = [];

    /// <summary>Evaluated directly before the rule of this pattern.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BeforeSet)]
    [ArgumentCompleter(typeof(RulePatternCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Before { get; set; }

    /// <summary>Evaluated directly after the rule of this pattern.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AfterSet)]
    [ArgumentCompleter(typeof(RulePatternCompleter))]
    [ValidateNotNullOrEmpty]
    public string? After { get; set; }

    /// <summary>Evaluated before all others of the list. Where a new rule goes if nothing is said.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FirstSet)]
    public SwitchParameter First { get; set; }

    /// <summary>Evaluated after all others of the list.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LastSet)]
    public SwitchParameter Last { get; set; }

    /// <summary>
    /// Evaluated as the so-manieth of the list, from 1; a number that is greater than the list is long means the last. An object's
    /// rules that follow one another keep their order.
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = IndexSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? Index { get; set; }

    /// <summary>Puts out the rule as it is now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>The rule that the object before has set, and its list: the next one is evaluated after it.</summary>
    private (string List, string Pattern)? _previous;

    /// <summary>The rules that objects of this command have set, by list and pattern.</summary>
    private readonly HashSet<(string List, string Pattern)> _setByObjects = [];

    private RulePosition? PositionAsked =>
        Before is not null ? RulePosition.Before(Before)
        : After is not null ? RulePosition.After(After)
        : First ? RulePosition.First
        : Last ? RulePosition.Last
        : null;

    /// <summary>The rule that is wanted; given the one that has the pattern, null if none has.</summary>
    /// <param name="pattern">The pattern as the user named it.</param>
    /// <param name="existing">The rule of the list that has it.</param>
    /// <param name="given">A whole rule that came as an object; null: a pattern alone.</param>
    private protected abstract RuleSpecification Wanted(string pattern, ImageRule? existing, PSObject? given);

    /// <summary>A class that the wanted rule names, which must exist; null: none.</summary>
    private protected virtual string? ClassAsked(RulePatternArgument volume) => null;

    private protected override void Process()
    {
        foreach (RulePatternArgument volume in Volume)
            Attempt(volume.Input, () => Set(volume));
    }

    private void Set(RulePatternArgument volume)
    {
        string pattern = PatternOf(volume);
        string where = Enforced ? "" : FullPath(RulePath) ?? PolicyPaths.Rules;
        bool isOvershadowed = false;
        RulePosition? asked = PositionAsked;
        RuleDocument? list = EditRules(
            document =>
            {
                if (Index is { } index)
                    asked = PositionAt(document, pattern, index);
                ImageRule? existing = document.Find(pattern);
                // Two rules of one pattern in a list: the one that is evaluated first decides, and it came first.
                isOvershadowed = volume.Rule is not null && existing is not null && _setByObjects.Contains((where, existing.Pattern.Text));
                return isOvershadowed ? document : document.Set(Wanted(pattern, existing, volume.Rule), volume.Rule is null ? asked : PositionOf(document, existing, asked, where));
            },
            $"Set the rule of {pattern}{(Index is { } place ? $" as number {place}" : asked is null ? "" : $" as {asked}")}",
            ClassAsked(volume));
        if (list?.Find(pattern) is not { } rule)
            return;
        if (isOvershadowed)
        {
            WriteVerbose($"{pattern}: an earlier rule of the same pattern is set; this one would never match.");
            return;
        }
        if (volume.Rule is not null)
        {
            _previous = (where, pattern);
            _setByObjects.Add((where, rule.Pattern.Text));
        }
        if (!PassThru)
            return;
        int before = Enforced ? 0 : LoadEnforced()?.Rules.Rules.Count ?? 0;
        for (int i = 0; i < list.Rules.Count; i++)
        {
            if (ReferenceEquals(list.Rules[i], rule))
                WriteObject(rule.ToInfo(before + i + 1));
        }
    }

    /// <summary>
    /// The position that makes a rule the so-manieth of this list. The rules of files that the list includes do not count: no rule can
    /// be put between them.
    /// </summary>
    private static RulePosition? PositionAt(RuleDocument document, string pattern, int index)
    {
        ImageRule? existing = document.Find(pattern);
        List<ImageRule> own = [.. document.Rules.Where(rule => rule.Path == document.Path)];
        List<ImageRule> others = [.. own.Where(rule => !ReferenceEquals(rule, existing))];
        int place = Math.Min(index, others.Count + 1);
        if (existing is not null && own.IndexOf(existing) == place - 1)
            return null;
        return place == 1 ? RulePosition.First : RulePosition.After(others[place - 2].Pattern.Text);
    }

    /// <summary>
    /// Rules that come as objects keep their order: a new one is evaluated directly after the one before it, as if they were one rule
    /// for which the position is asked. A rule that is there stays where it is, unless a position is asked.
    /// </summary>
    private RulePosition? PositionOf(RuleDocument document, ImageRule? existing, RulePosition? asked, string where)
    {
        if (asked is null && existing is not null)
            return null;
        bool isBehindPrevious = asked is null || asked == RulePosition.First || After is not null || Index is not null;
        if (!isBehindPrevious || _previous is not var (list, previous) || list != where)
            return asked;
        return document.Find(previous) is { } anchor && !ReferenceEquals(anchor, existing) ? RulePosition.After(previous) : asked;
    }
}
