using System;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// Where a rule stands in the order of evaluation, which runs from the bottom of the file up: <see cref="First"/> is
/// below all other rules, <see cref="Last"/> above them; before a rule means in the line below it.
/// </summary>
internal sealed record RulePosition
{
    private RulePosition(bool isEarly, string? pattern)
    {
        IsEarly = isEarly;
        Pattern = pattern;
    }

    /// <summary>Evaluated before all others: it wins wherever it matches. Where a new rule goes if nothing is said.</summary>
    public static RulePosition First { get; } = new(true, null);

    /// <summary>Evaluated after all others: it decides only what no other rule matches.</summary>
    public static RulePosition Last { get; } = new(false, null);

    /// <summary>First or Before; else Last or After.</summary>
    internal bool IsEarly { get; }

    /// <summary>The rule that the position is relative to; null for First and Last.</summary>
    public string? Pattern { get; }

    /// <summary>Evaluated directly before the rule with that pattern.</summary>
    public static RulePosition Before(string pattern) => new(true, pattern ?? throw new ArgumentNullException(nameof(pattern)));

    /// <summary>Evaluated directly after the rule with that pattern.</summary>
    public static RulePosition After(string pattern) => new(false, pattern ?? throw new ArgumentNullException(nameof(pattern)));

    public override string ToString() => (IsEarly, Pattern) switch
    {
        (true, null) => "first",
        (false, null) => "last",
        (true, _) => "before " + Pattern,
        _ => "after " + Pattern,
    };
}
