using System.Globalization;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>The rule that a volume hit: as it stood then, because the list may have changed since.</summary>
public sealed record MatchedRule
{
    /// <summary>The statement as written.</summary>
    public required string Text { get; init; }

    /// <summary>The list's file, or what stands for the repository's list.</summary>
    public required string Path { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }
    public string? Pattern { get; init; }

    /// <summary>The volume's name that the pattern matched.</summary>
    public string? MatchedName { get; init; }

    /// <summary>It stands in the repository's list, which goes before the machine's.</summary>
    public bool IsEnforced { get; init; }

    public override string ToString() => DisplayText.Line(string.Format(CultureInfo.InvariantCulture, "{0} [{1}({2})]", Text, Path, Line));
}
