using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One volume of <c>domain.image</c>, as <c>Get-ImageDomain</c> gives it.</summary>
public sealed record DomainEntry
{
    /// <summary>The name or pattern.</summary>
    public required string Volume { get; init; }

    /// <summary>The repository's list names it, for every machine.</summary>
    public bool Enforced { get; init; }

    /// <summary>The file that names it, or what stands for the repository's list.</summary>
    public required string RulePath { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>The list and the line.</summary>
    public required string Source { get; init; }

    /// <summary>The name or pattern.</summary>
    public override string ToString() => DisplayText.Line(Volume);
}
