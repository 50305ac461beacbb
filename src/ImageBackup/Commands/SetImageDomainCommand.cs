using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Policy;

namespace ImageBackup.Commands;

/// <summary>
/// Sets what domain.image names: the volumes that Backup-VolumeImage takes when it is given none. An empty list takes the
/// statement out.
/// </summary>
[Cmdlet(VerbsCommon.Set, "ImageDomain", SupportsShouldProcess = true)]
[OutputType(typeof(DomainEntry))]
public sealed class SetImageDomainCommand : PolicyEditCmdlet
{
    private readonly List<string> _patterns = [];

    /// <summary>Names or patterns, or objects that stand for volumes; @() for none.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [RulePatternTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [SupportsWildcards]
    [AllowEmptyCollection]
    public RulePatternArgument[] Volume { get; set; } = [];

    /// <summary>Adds to what the list names, instead of replacing it.</summary>
    [Parameter]
    public SwitchParameter Append { get; set; }

    /// <summary>Puts out what the list names now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process()
    {
        foreach (RulePatternArgument volume in Volume)
        {
            Attempt(volume.Input, () => _patterns.Add(
                volume.Pattern ?? throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "No volume is named.")));
        }
    }

    private protected override void End()
    {
        RuleDocument? list = EditRules(
            document =>
            {
                IEnumerable<string> named = Append ? document.Domain.Select(pattern => pattern.Text).Concat(_patterns) : _patterns;
                List<string> wanted = [.. named.Distinct(StringComparer.Ordinal)];
                return wanted.SequenceEqual(document.Domain.Select(pattern => pattern.Text)) ? document : document.SetDomain(wanted);
            },
            $"Set domain.image to {(_patterns.Count == 0 ? "nothing" : string.Join(", ", _patterns))}",
            managementClass: null);
        if (list is null || !PassThru)
            return;
        WriteObject(GetImageDomainCommand.EntriesOf(list, Enforced), enumerateCollection: true);
    }
}
