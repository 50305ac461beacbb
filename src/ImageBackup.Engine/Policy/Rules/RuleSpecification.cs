using System.Collections.Generic;
using ImageBackup.Engine.Policy.Options;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>What a rule should be: the input of <see cref="RuleDocument.Set"/>.</summary>
internal sealed record RuleSpecification
{
    public required RuleKind Kind { get; init; }
    public required string Pattern { get; init; }
    public string? ManagementClass { get; init; }
    public ImageOptions Options { get; init; } = ImageOptions.Empty;
}
