using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>Which rule a volume hits and what follows, as <c>Test-IncludeImage</c> gives it.</summary>
public sealed record RuleTest
{
    public required string Volume { get; init; }

    /// <summary>This machine has the volume; else only the name as given was compared.</summary>
    public required bool IsFound { get; init; }
    public required bool IsIncluded { get; init; }

    /// <summary>The rule as written; null: none matches, which includes the volume with the default class.</summary>
    public string? Rule { get; init; }
    public string? Pattern { get; init; }

    /// <summary>The volume's name that the pattern matches.</summary>
    public string? MatchedName { get; init; }
    public bool Enforced { get; init; }

    /// <summary>The list that the rule stands in, and its line from 1; null without a rule.</summary>
    public string? Path { get; init; }
    public int? Line { get; init; }

    /// <summary>Null from here on: the volume is excluded.</summary>
    public string? ManagementClass { get; init; }
    public ImageType? ImageType { get; init; }

    /// <summary>Why that type.</summary>
    public string? Reason { get; init; }

    /// <summary>Every option and who decides it; empty for an excluded volume.</summary>
    public IReadOnlyList<DecidedOption> Options { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<DecidedOption>());

    /// <summary>Everything that the volume is called, as patterns see it.</summary>
    public IReadOnlyList<string> Names { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The volume, and what the rules say of it.</summary>
    public override string ToString() => DisplayText.Line($"{Volume}: {(IsIncluded ? "included" : "excluded")}");
}
