using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Completion;

/// <summary>The keys of the repository that is open; a tooltip says who made each.</summary>
internal sealed class RepositoryKeyCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        RepositoryConnection? connection = CatalogCompleter.ConnectionOf(bound);
        if (connection is null)
            return _ => [];
        ImageRepository repository = connection.Repository;
        return _ => repository.Keys().Select(key => new CompletionCandidate(key.ShortId, Describe(key)));
    }

    private static string Describe(RepositoryKeyInfo key)
    {
        string text = key.Problem ?? string.Format(
            CultureInfo.InvariantCulture, "{3}of {0} on {1}, made {2:yyyy-MM-dd HH:mm}", key.UserName, key.ComputerName, key.Created, key.Label is null ? "" : $"'{key.Label}' ");
        return key.IsCurrent ? text + " (in use)" : text;
    }
}
