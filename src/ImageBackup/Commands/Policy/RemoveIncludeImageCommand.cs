using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;

namespace ImageBackup.Commands;

/// <summary>Takes rules, including and excluding ones, out of a list. Comments stay.</summary>
[Cmdlet(VerbsCommon.Remove, "IncludeImage", SupportsShouldProcess = true)]
public sealed class RemoveIncludeImageCommand : PolicyEditCmdlet
{
    /// <summary>The rules' patterns as written, or rules of Get-IncludeImage.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [RulePatternTransformation]
    [ArgumentCompleter(typeof(RulePatternCompleter))]
    [ValidateNotNull]
    public RulePatternArgument[] Volume { get; set; } = [];

    private protected override void Process()
    {
        foreach (RulePatternArgument volume in Volume)
        {
            Attempt(volume.Input, () =>
            {
                string pattern = volume.Pattern ?? throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "The argument names no pattern.");
                EditRules(document => document.Remove(document.Find(pattern) is null ? PatternOf(volume) : pattern), $"Remove the rule of {pattern}", managementClass: null);
            });
        }
    }
}
