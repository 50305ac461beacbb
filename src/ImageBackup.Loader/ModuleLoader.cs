using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;

namespace ImageBackup.Loader;

/// <summary>
/// The only assembly of the module in the default load context. ImageBackup.psm1 calls it on .NET 10 and later.
/// </summary>
public static class ModuleLoader
{
    private static readonly Dictionary<string, Assembly> s_loaded = new(StringComparer.Ordinal);

    /// <summary>
    /// Loads ImageBackup.dll from a directory into a load context of its own, once a directory: an import with
    /// -Force gets the same assembly, and another version of the module beside this one its own.
    /// </summary>
    public static Assembly Load(string directory)
    {
        string full = Path.GetFullPath(directory);
        lock (s_loaded)
        {
            if (!s_loaded.TryGetValue(full, out Assembly? module))
            {
                module = new ModuleLoadContext(full).LoadFromAssemblyPath(Path.Combine(full, "ImageBackup.dll"));
                s_loaded.Add(full, module);
            }
            return module;
        }
    }
}
