using System;
using System.IO;
using System.Management.Automation;
using System.Reflection;
using System.Runtime.InteropServices;

namespace ImageBackup.Compat;

/// <summary>
/// Windows PowerShell only: the framework asks for exact versions of our dependencies' dependencies, and a module
/// has no binding redirects. Requests of an assembly in our own directory are answered from that directory;
/// requests of others are none of ours.
/// </summary>
/// <remarks>netstandard2.0 only. On .NET the load context does this.</remarks>
public sealed class ModuleAssemblyResolver : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static readonly string s_directory =
        Path.GetDirectoryName(typeof(ModuleAssemblyResolver).Assembly.Location) ?? "";

    // Mono names itself "Mono"; .NET is ".NET 9.0" or ".NET Core 3.1".
    private static bool IsNeeded =>
        RuntimeInformation.FrameworkDescription.StartsWith(".NET Framework", StringComparison.Ordinal)
        || RuntimeInformation.FrameworkDescription.StartsWith("Mono", StringComparison.Ordinal);

    public void OnImport()
    {
        if (IsNeeded)
            AppDomain.CurrentDomain.AssemblyResolve += Resolve;
    }

    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        if (IsNeeded)
            AppDomain.CurrentDomain.AssemblyResolve -= Resolve;
    }

    internal static Assembly? Resolve(object? sender, ResolveEventArgs request)
    {
        if (request.RequestingAssembly is not { IsDynamic: false } asking
            || !string.Equals(Path.GetDirectoryName(asking.Location), s_directory, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        string path = Path.Combine(s_directory, new AssemblyName(request.Name).Name + ".dll");
        return File.Exists(path) ? Assembly.LoadFrom(path) : null;
    }
}
