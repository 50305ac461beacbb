using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Session;

namespace ImageBackup.Completion;

/// <summary>The repositories of this session, and those that this user has opened before.</summary>
internal sealed class RepositoryCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        IReadOnlyList<RepositoryConnection> connected = SessionConnection.All;
        return _ => Names(connected, RecentRepositories.Own.List());
    }

    private static IEnumerable<CompletionCandidate> Names(IReadOnlyList<RepositoryConnection> connected, IReadOnlyList<string> recent)
    {
        foreach (RepositoryConnection connection in connected)
            yield return connection.Name is { } name ? new(name, $"'{connection.Location}', connected in this session") : new(connection.Location, "connected in this session");
        foreach (string location in recent)
        {
            if (!connected.Any(c => c.Location == location))
                yield return new(location, Directory.Exists(location) ? "opened before" : "opened before; not there now");
        }
    }
}
