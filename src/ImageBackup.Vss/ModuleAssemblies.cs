using System;
using System.Reflection;

namespace ImageBackup.Vss;

/// <summary>
/// Loads a file into the load context that this assembly is in: a mixed-mode assembly that came to the default one would ask there
/// for AlphaVSS.Common and not find ours.
/// </summary>
internal static class ModuleAssemblies
{
    public static Assembly Load(string path)
    {
        // AssemblyLoadContext is not in netstandard2.0, and .NET Framework has none.
        Type? contexts = Type.GetType("System.Runtime.Loader.AssemblyLoadContext, System.Runtime.Loader");
        object? own = contexts?.GetMethod("GetLoadContext", [typeof(Assembly)])?.Invoke(null, [typeof(ModuleAssemblies).Assembly]);
        return own is null
            ? Assembly.LoadFrom(path)
            : (Assembly)contexts!.GetMethod("LoadFromAssemblyPath", [typeof(string)])!.Invoke(own, [path])!;
    }
}
