using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>
/// Sets what domain.image names: the volumes that Backup-VolumeImage takes when it is given none. An empty list takes the
/// statement out.
/// </summary>
[Cmdlet(VerbsCommon.Set, "ImageDomain", SupportsShouldProcess = true)]
[OutputType(typeof(DomainEntry))]
public sealed class SetImageDomainCommand : PolicyEditCmdlet
{
    /// <summary>What each list is to name, by the list's path; "" for the repository's.</summary>
    private readonly Dictionary<string, (bool IsEnforced, string? RulePath, List<string> Patterns)> _patterns = new(StringComparer.Ordinal);
    private bool _isFaulty;

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
        // Objects of Get-ImageDomain say which list they are of: each goes back to its own.
        string list = Enforced ? "" : FullPath(RulePath) ?? PolicyPaths.Rules;
        if (!_patterns.TryGetValue(list, out (bool IsEnforced, string? RulePath, List<string> Patterns) named))
            _patterns.Add(list, named = (Enforced, RulePath, []));
        foreach (RulePatternArgument volume in Volume)
        {
            Attempt(volume.Input, () => named.Patterns.Add(
                volume.Pattern is null ? throw Unnamed(volume.Problem ?? "The argument names no volume.") : PatternOf(volume)));
        }
    }

    private ImageBackupException Unnamed(string problem)
    {
        _isFaulty = true;
        return new ImageBackupException(ErrorId.ParameterInvalid, problem);
    }

    private protected override void End()
    {
        if (_patterns.Count == 0)
        {
            throw new ImageBackupException(ErrorId.NoVolume, "The pipeline was empty, so domain.image stays as it is.")
            {
                RecommendedAction = "Name the volumes; -Volume @() removes the statement.",
            };
        }
        // A list of which one name could not be read would leave a volume out, silently from the next run on.
        if (_isFaulty)
            throw new ImageBackupException(ErrorId.ParameterInvalid, "domain.image stays as it is: not every argument names a volume.");
        foreach ((bool isEnforced, string? rulePath, List<string> patterns) in _patterns.Values)
        {
            Enforced = isEnforced;
            RulePath = rulePath;
            Attempt(null, () => SetDomain(patterns));
        }
    }

    private void SetDomain(List<string> patterns)
    {
        RuleDocument? list = EditRules(
            document =>
            {
                IEnumerable<string> named = Append ? document.Domain.Select(pattern => pattern.Text).Concat(patterns) : patterns;
                List<string> wanted = [.. named.Distinct(StringComparer.Ordinal)];
                return wanted.SequenceEqual(document.Domain.Select(pattern => pattern.Text)) ? document : document.SetDomain(wanted);
            },
            $"Set domain.image to {(patterns.Count == 0 ? "nothing" : string.Join(", ", patterns))}",
            managementClass: null);
        if (list is null || !PassThru)
            return;
        WriteObject(GetImageDomainCommand.EntriesOf(list, Enforced), enumerateCollection: true);
    }
}
