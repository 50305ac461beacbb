using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Commands;

/// <summary>
/// Lists the rules, including and excluding ones, in the order in which they are evaluated: the repository's first, if
/// one is named or connected, then the machine's.
/// </summary>
[Cmdlet(VerbsCommon.Get, "IncludeImage")]
[OutputType(typeof(RuleInfo))]
public sealed class GetIncludeImageCommand : PolicyCmdlet
{
    /// <summary>Only rules of these patterns, as written; * and ? are wildcards over the patterns' text.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [RulePatternTransformation]
    [ArgumentCompleter(typeof(RulePatternCompleter))]
    [SupportsWildcards]
    [ValidateNotNull]
    public RulePatternArgument[]? Volume { get; set; }

    /// <summary>Only the list in the repository's keeping.</summary>
    [Parameter]
    public SwitchParameter Enforced { get; set; }

    private protected override bool NeedsRepository => Enforced;

    private protected override void Process()
    {
        var all = new List<ImageRule>(LoadEnforced()?.Rules.Rules ?? []);
        if (!Enforced)
            all.AddRange(LoadMachine().Rules);
        List<RuleInfo> rules = [.. all.Select((rule, i) => rule.ToInfo(i + 1) with { Matches = MatchesOf(rule) })];
        if (Volume is null)
        {
            WriteObject(rules, enumerateCollection: true);
            return;
        }
        foreach (RulePatternArgument argument in Volume)
        {
            Attempt(argument.Input, () =>
            {
                string text = argument.Pattern ?? throw new ImageBackupException(ErrorId.ParameterInvalid, argument.Problem ?? "The argument names no pattern.");
                if (!rules.Exists(rule => rule.Volume == text))
                    text = PatternOf(argument);
                // A rule's own pattern has wildcards itself: as written it goes before what it could mean here.
                List<RuleInfo> found = [.. rules.Where(rule => rule.Volume == text)];
                if (found.Count == 0 && NamePattern.Of(text) is { } pattern)
                    found = [.. rules.Where(rule => pattern.IsMatch(rule.Volume))];
                else if (found.Count == 0)
                    throw new ImageBackupException(ErrorId.RuleNotFound, $"No rule has the pattern '{text}'.", text);
                WriteObject(found, enumerateCollection: true);
            });
        }
    }

    /// <summary>The volumes of this machine that the pattern matches, whatever rule decides about them; null if it cannot be told.</summary>
    private List<string>? MatchesOf(ImageRule rule)
    {
        try
        {
            return RunInBackground("Looking at volumes", _ =>
            {
                var inventory = new VolumeInventory(VolumeSystem.Current);
                List<string> found = [.. (_volumes ??= inventory.List(Stop))
                    .Where(volume => rule.Pattern.IsMatch(VolumePlan.NamesOf(volume, rule.Pattern.IsWindows), out string? _)).Select(volume => volume.Name)];
                // A file that holds a volume is listed by no system.
                if (found.Count == 0 && rule.Pattern.IsLiteral && ImageBackup.Binding.VolumeNames.Refer(rule.Pattern.Text, Stop).Present is { } present)
                    found.Add(present.Name);
                return found;
            });
        }
        catch (ImageBackupException failure) when (failure.Id is not ErrorId.Cancelled)
        {
            WriteVerbose($"The volumes that {rule.Pattern.Text} matches cannot be told: {failure.Message}");
            return null;
        }
    }

    private IReadOnlyList<ImageVolume>? _volumes;

    private RuleDocument LoadMachine()
    {
        RuleDocument document = RuleFile.Load(FullPath(RulePath) ?? PolicyPaths.Rules, mustExist: RulePath is not null).Document;
        TellRemarks(document);
        return document;
    }
}
