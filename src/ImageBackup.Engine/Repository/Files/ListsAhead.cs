using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading.Tasks;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// Lists of a server's files, begun before they are needed: several take one round trip together. Of a directory nothing is begun, so that
/// what happens there happens in one order. Any thread.
/// </summary>
internal sealed class ListsAhead
{
    private readonly ConcurrentDictionary<StoredKind, Task<List<StoredFile>>> _begun = new();

    private ListsAhead()
    {
    }

    /// <summary>Begins to list the files of these kinds, side by side.</summary>
    public static ListsAhead Begin(RepositoryFiles files, params StoredKind[] kinds)
    {
        var lists = new ListsAhead();
        if (!files.Traits.IsRemote)
            return lists;
        foreach (StoredKind kind in kinds)
            lists._begun[kind] = files.BeginList(kind);
        return lists;
    }

    /// <summary>Hands over a list that was begun, once; null: none was, or it was handed over. It throws as <see cref="RepositoryFiles.List(StoredKind)"/>.</summary>
    public Task<List<StoredFile>>? Take(StoredKind kind) => _begun.TryRemove(kind, out Task<List<StoredFile>>? begun) ? begun : null;
}
