using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Completion;

/// <summary>The patterns of the rules that there are, in their order; a tooltip shows the rule as written.</summary>
internal sealed class RulePatternCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        RepositoryConnection? connection = CatalogCompleter.ConnectionOf(bound);
        string path = PathOf(bound, "RulePath", PolicyPaths.Rules);
        bool isEnforced = bound.Contains("Enforced");
        return cancellation => Names(isEnforced
            ? connection?.Policy.Load(_ => { }, cancellation)?.Rules.Rules ?? []
            : RuleFile.Load(path, mustExist: false).Document.Rules);
    }

    internal static IEnumerable<CompletionCandidate> Names(IReadOnlyList<ImageRule> rules) =>
        rules.Select(rule => new CompletionCandidate(rule.Pattern.Text, rule.Text.Trim()));
}
