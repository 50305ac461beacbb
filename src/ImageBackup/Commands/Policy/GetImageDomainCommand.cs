using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>
/// Lists what domain.image names: the volumes that Backup-VolumeImage takes when it is given none. The machine's list and
/// the repository's add up.
/// </summary>
[Cmdlet(VerbsCommon.Get, "ImageDomain")]
[OutputType(typeof(DomainEntry))]
public sealed class GetImageDomainCommand : PolicyCmdlet
{
    /// <summary>Only the list in the repository's keeping.</summary>
    [Parameter]
    public SwitchParameter Enforced { get; set; }

    private protected override bool NeedsRepository => Enforced;

    private protected override void Process()
    {
        if (!Enforced)
        {
            RuleDocument machine = RuleFile.Load(FullPath(RulePath) ?? PolicyPaths.Rules, mustExist: RulePath is not null).Document;
            TellRemarks(machine);
            Write(machine, isEnforced: false);
        }
        if (LoadEnforced() is { } kept)
            Write(kept.Rules, isEnforced: true);
    }

    private void Write(RuleDocument document, bool isEnforced)
    {
        foreach (DomainEntry entry in EntriesOf(document, isEnforced))
            WriteObject(entry);
    }

    internal static IEnumerable<DomainEntry> EntriesOf(RuleDocument document, bool isEnforced)
    {
        foreach (RuleStatement statement in document.Statements)
        {
            if (statement is IncludedFileStatement included)
            {
                foreach (DomainEntry entry in EntriesOf(included.Document, isEnforced))
                    yield return entry;
            }
            if (statement is not DomainStatement domain)
                continue;
            foreach (VolumePattern pattern in domain.Volumes)
            {
                yield return new DomainEntry
                {
                    Volume = pattern.Text,
                    Enforced = isEnforced,
                    RulePath = domain.Path,
                    Line = domain.Line,
                    Source = string.Format(CultureInfo.InvariantCulture, "{0}({1})", domain.Path, domain.Line),
                };
            }
        }
    }
}
