using System;
using System.IO;
using System.Linq;
using System.Reflection;

namespace ImageBackup.Engine.Storage;

/// <summary>Loads the assembly of a kind of storage when it is first used.</summary>
internal static class StorageDriver
{
    private static readonly object s_gate = new();

    /// <param name="assembly">Its name; it lies beside this one, and comes into the same load context.</param>
    /// <param name="type">The driver's full name.</param>
    public static IStorageDriver Load(string assembly, string type)
    {
        lock (s_gate)
            return (IStorageDriver)Activator.CreateInstance(Find(assembly).GetType(type, throwOnError: true)!)!;
    }

    private static Assembly Find(string assembly)
    {
        Assembly own = typeof(StorageDriver).Assembly;
        // AssemblyLoadContext is not in netstandard2.0, and .NET Framework has none.
        Type? contexts = Type.GetType("System.Runtime.Loader.AssemblyLoadContext, System.Runtime.Loader");
        object? context = contexts?.GetMethod("GetLoadContext", [typeof(Assembly)])?.Invoke(null, [own]);
        string folder = Path.GetDirectoryName(own.Location)!;
        if (context is null)
            return Assembly.LoadFrom(Path.Combine(folder, assembly + ".dll"));
        MethodInfo load = contexts!.GetMethod("LoadFromAssemblyPath", [typeof(string)])!;
        // The context was filled by ImageBackup.psm1, without the SDKs; it finds nothing by itself.
        foreach (string path in Directory.GetFiles(folder, "AWSSDK.*.dll").Concat(Directory.GetFiles(folder, "System.IO.Hashing.dll")))
            load.Invoke(context, [path]);
        return (Assembly)load.Invoke(context, [Path.Combine(folder, assembly + ".dll")])!;
    }
}
