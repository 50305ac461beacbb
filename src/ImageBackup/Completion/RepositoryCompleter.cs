using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using ImageBackup.Session;

namespace ImageBackup.Completion;

/// <summary>The repository of this session, and those that this user has opened before.</summary>
internal sealed class RepositoryCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        string? connected = SessionConnection.Current?.Location;
        return _ => Names(connected, RecentRepositories.Own.List());
    }

    private static IEnumerable<CompletionCandidate> Names(string? connected, IReadOnlyList<string> recent)
    {
        if (connected is not null)
            yield return new(connected, "connected in this session");
        foreach (string location in recent)
        {
            if (location != connected)
                yield return new(location, Directory.Exists(location) ? "opened before" : "opened before; not there now");
        }
    }
}
