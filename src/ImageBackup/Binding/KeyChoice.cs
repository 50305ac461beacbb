using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Binding;

/// <summary>A key by the beginning of its id.</summary>
internal static class KeyChoice
{
    /// <exception cref="ImageBackupException">KeyNotFound, KeyAmbiguous.</exception>
    public static RepositoryKeyInfo One(IReadOnlyList<RepositoryKeyInfo> keys, string idPrefix)
    {
        string prefix = idPrefix.Trim();
        RepositoryKeyInfo[] found = keys.Where(key => prefix.Length > 0 && key.Id.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToArray();
        return found.Length switch
        {
            1 => found[0],
            0 => throw new ImageBackupException(ErrorId.KeyNotFound, $"The repository has no key whose id begins with '{idPrefix}'.", idPrefix),
            _ => throw new ImageBackupException(ErrorId.KeyAmbiguous, $"{found.Length} keys have an id that begins with '{idPrefix}'.", idPrefix),
        };
    }
}
