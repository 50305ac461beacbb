using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Policy;

namespace ImageBackup.Commands;

/// <summary>The base of the cmdlets that set a rule: its pattern and its place in the order of evaluation.</summary>
public abstract class RuleCmdlet : PolicyEditCmdlet
{
    private protected const string BeforeSet = "Before";
    private protected const string AfterSet = "After";
    private protected const string FirstSet = "First";
    private protected const string LastSet = "Last";

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

    /// <summary>Puts out the rule as it is now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private RulePosition? PositionAsked =>
        Before is not null ? RulePosition.Before(Before)
        : After is not null ? RulePosition.After(After)
        : First ? RulePosition.First
        : Last ? RulePosition.Last
        : null;

    /// <summary>A class that the command names, which must exist; null: none.</summary>
    private protected virtual string? ClassAsked => null;

    /// <summary>The rule that is wanted; given the one that has the pattern, null where none has.</summary>
    private protected abstract RuleSpecification Wanted(string pattern, ImageRule? existing);

    private protected override void Process()
    {
        foreach (RulePatternArgument volume in Volume)
            Attempt(volume.Input, () => Set(volume));
    }

    private void Set(RulePatternArgument volume)
    {
        string pattern = volume.Pattern ?? throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "No pattern is named.");
        RulePosition? position = PositionAsked;
        RuleDocument? list = EditRules(
            document => document.Set(Wanted(pattern, document.Find(pattern)), position),
            $"Set the rule of {pattern}{(position is null ? "" : $" as {position}")}",
            ClassAsked);
        if (list is null || !PassThru || list.Find(pattern) is not { } rule)
            return;
        int before = Enforced ? 0 : LoadEnforced()?.Rules.Rules.Count ?? 0;
        for (int i = 0; i < list.Rules.Count; i++)
        {
            if (ReferenceEquals(list.Rules[i], rule))
                WriteObject(RuleInfo.Of(rule, before + i + 1));
        }
    }
}
