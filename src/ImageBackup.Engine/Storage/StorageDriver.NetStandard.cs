using System;
using System.IO;
using System.Reflection;

namespace ImageBackup.Engine.Storage;

/// <summary>Loads the assembly of a kind of storage when it is first used.</summary>
internal static class StorageDriver
{
    private static readonly object s_gate = new();
    private static readonly string s_folder = Path.GetDirectoryName(typeof(StorageDriver).Assembly.Location)!;

    private static MethodInfo? s_load;

    /// <param name="assembly">Its name; it lies beside this one, and comes into the same load context.</param>
    /// <param name="type">The driver's full name.</param>
    public static IStorageDriver Load(string assembly, string type)
    {
        lock (s_gate)
            return (IStorageDriver)Activator.CreateInstance(Find(assembly).GetType(type, throwOnError: true)!)!;
    }

    private static Assembly Find(string assembly)
    {
        // AssemblyLoadContext is not in netstandard2.0, and .NET Framework has none.
        Type? contexts = Type.GetType("System.Runtime.Loader.AssemblyLoadContext, System.Runtime.Loader");
        object? context = contexts?.GetMethod("GetLoadContext", [typeof(Assembly)])?.Invoke(null, [typeof(StorageDriver).Assembly]);
        if (context is null)
            return Assembly.LoadFrom(Path.Combine(s_folder, assembly + ".dll"));
        if (s_load is null)
        {
            // The context was filled by ImageBackup.psm1, without the SDKs. It finds nothing by itself: it asks for what a driver names, one at a time.
            MethodInfo resolve = typeof(StorageDriver).GetMethod(nameof(Resolve), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(contexts!);
            EventInfo resolving = contexts!.GetEvent("Resolving")!;
            resolving.AddEventHandler(context, Delegate.CreateDelegate(resolving.EventHandlerType!, resolve));
            s_load = contexts.GetMethod("LoadFromAssemblyPath", [typeof(string)]);
        }
        return LoadInto(context, assembly) ?? throw new FileNotFoundException($"The module has no {assembly}.dll.");
    }

    /// <summary>Called if neither the context nor the host has an assembly.</summary>
    private static Assembly? Resolve<TContext>(TContext context, AssemblyName name) => LoadInto(context!, name.Name);

    private static Assembly? LoadInto(object context, string? name)
    {
        string path = Path.Combine(s_folder, name + ".dll");
        return File.Exists(path) ? (Assembly?)s_load!.Invoke(context, [path]) : null;
    }
}
