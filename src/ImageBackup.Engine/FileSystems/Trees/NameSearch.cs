using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>Finds a name among a directory's entries, if its file system has no index to ask.</summary>
internal static class NameSearch
{
    /// <summary>The entry of this very name, else the first whose name differs in case only; null if there is none.</summary>
    public static FileTreeEntry? FindInAnyCase(IEnumerable<FileTreeEntry> entries, string name)
    {
        FileTreeEntry? alike = null;
        foreach (FileTreeEntry entry in entries)
        {
            if (entry.Name == name)
                return entry;
            if (alike is null && string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase))
                alike = entry;
        }
        return alike;
    }
}
