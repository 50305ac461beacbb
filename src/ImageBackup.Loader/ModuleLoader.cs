using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace ImageBackup.Loader;

/// <summary>
/// Keeps the module's assemblies out of the default load context: all of them for ImageBackup.psm1, on .NET 10 and later, and
/// all but ImageBackup.dll for the Host, which has PowerShell import that by its path.
/// </summary>
public static class ModuleLoader
{
    private static readonly Dictionary<string, Assembly> s_loaded = new(StringComparer.Ordinal);

#pragma warning disable CA1308 // The names of runtimes are lower case.
    /// <summary>The folder of what is compiled ahead for this process: linux-x64, as the native libraries' folders are called.</summary>
    private static string Runtime => (OperatingSystem.IsWindows() ? "win-" : "linux-") + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
#pragma warning restore CA1308

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
                module = new ModuleLoadContext(full, Runtime).LoadFromAssemblyName(new AssemblyName("ImageBackup"));
                s_loaded.Add(full, module);
            }
            return module;
        }
    }

    /// <summary>
    /// Lets an ImageBackup.dll in the default context find what it stands on in a directory, in a load context of their own. Nobody
    /// else is given an assembly from there: what those need in turn is between them and their context.
    /// </summary>
    public static void Serve(string directory)
    {
        var context = new ModuleLoadContext(Path.GetFullPath(directory), Runtime);
        AssemblyLoadContext.Default.Resolving += (_, name) =>
            name.Name is "ImageBackup.Engine" or "ImageBackup.Vss" ? context.LoadFromAssemblyName(name) : null;
    }
}
