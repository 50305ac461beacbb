using System.Management.Automation;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>Sets a rule that excludes volumes. A rule that has the pattern becomes one that excludes.</summary>
[Cmdlet(VerbsCommon.Set, "ExcludeImage", SupportsShouldProcess = true, DefaultParameterSetName = "Set")]
[OutputType(typeof(RuleInfo))]
public sealed class SetExcludeImageCommand : RuleCmdlet
{
    private protected override RuleSpecification Wanted(string pattern, ImageRule? existing, PSObject? given) =>
        new() { Kind = RuleKind.Exclude, Pattern = existing?.Pattern.Text ?? pattern };
}
