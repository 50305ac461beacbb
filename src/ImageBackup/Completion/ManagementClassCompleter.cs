using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;

namespace ImageBackup.Completion;

/// <summary>The management classes of this machine, and those that images of the connected repository were taken with.</summary>
internal sealed class ManagementClassCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        // Get-, Set- and Remove-ManagementClass can be pointed at another file.
        string path = PathOf(bound, "ClassPath", PolicyPaths.Classes);
        return _ => Names(new ManagementClassCatalog(ManagementClassFile.Load(path).Document));
    }

    internal static IEnumerable<CompletionCandidate> Names(ManagementClassCatalog classes) =>
        classes.All.OrderBy(c => c.Name, StringComparer.OrdinalIgnoreCase).Select(c => new CompletionCandidate(
            c.Name,
            $"keeps {c.Retention.VersionsExist} versions, {c.Retention.VersionsDeleted} of a removed volume; extra ones "
                + $"{c.Retention.RetainExtraDays} days, the last {c.Retention.RetainOnlyDays} days"));
}
