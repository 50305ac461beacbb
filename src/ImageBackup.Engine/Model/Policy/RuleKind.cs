using System.Collections.Generic;

namespace ImageBackup;

/// <summary>What a rule does with a volume that its pattern matches.</summary>
public enum RuleKind
{
    Include,
    Exclude,
}
