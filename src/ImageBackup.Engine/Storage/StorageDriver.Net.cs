using System;
using System.Reflection;

namespace ImageBackup.Engine.Storage;

/// <summary>Loads the assembly of a kind of storage when it is first used.</summary>
internal static class StorageDriver
{
    /// <param name="assembly">Its name; it lies beside this one, and comes into the same load context.</param>
    /// <param name="type">The driver's full name.</param>
    public static IStorageDriver Load(string assembly, string type) =>
        (IStorageDriver)Activator.CreateInstance(Assembly.Load(new AssemblyName(assembly)).GetType(type, throwOnError: true)!)!;
}
