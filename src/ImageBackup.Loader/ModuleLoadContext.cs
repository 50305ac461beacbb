using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

namespace ImageBackup.Loader;

/// <summary>
/// Holds the module and its dependencies apart from other modules' versions of them. What does not lie in the
/// module's directory (the framework, PowerShell) comes from the host.
/// </summary>
internal sealed class ModuleLoadContext(string directory) : AssemblyLoadContext("ImageBackup")
{
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string path = Path.Combine(directory, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }

    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        string path = Path.Combine(directory, unmanagedDllName);
        return File.Exists(path) ? LoadUnmanagedDllFromPath(path) : IntPtr.Zero;
    }
}
