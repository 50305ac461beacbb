using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

namespace ImageBackup.Loader;

/// <summary>
/// Holds the module and its dependencies apart from other modules' versions of them. What does not lie in the
/// module's directory (the framework, PowerShell) comes from the host.
/// </summary>
/// <param name="directory">Where the assemblies lie. Those that were compiled ahead for a system and processor lie in a folder of it.</param>
/// <param name="runtime">The name of that folder: linux-x64, win-arm64 ...</param>
internal sealed class ModuleLoadContext(string directory, string runtime) : AssemblyLoadContext("ImageBackup")
{
    private readonly string _ahead = Path.Combine(directory, runtime);

    protected override Assembly? Load(AssemblyName assemblyName) => LoadFile(assemblyName.Name + ".dll");

    /// <summary>
    /// Each file compiled ahead is a whole assembly, made of the portable one beside its folder by the same laying out of the module
    /// (LayOutModule.targets), so either may be taken. One that cannot be loaded is passed over: the portable one does the same, later.
    /// </summary>
    private Assembly? LoadFile(string name)
    {
        string ahead = Path.Combine(_ahead, name), portable = Path.Combine(directory, name);
        if (File.Exists(ahead) && File.Exists(portable))
        {
            try
            {
                return LoadFromAssemblyPath(ahead);
            }
            catch (Exception e) when (e is BadImageFormatException or IOException or UnauthorizedAccessException)
            {
                // FileLoadException is an IOException.
            }
        }
        return File.Exists(portable) ? LoadFromAssemblyPath(portable) : null;
    }

    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        string path = Path.Combine(directory, unmanagedDllName);
        return File.Exists(path) ? LoadUnmanagedDllFromPath(path) : IntPtr.Zero;
    }
}
