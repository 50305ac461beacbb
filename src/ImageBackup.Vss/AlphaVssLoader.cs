using System.IO;
using System.Reflection;
using Alphaleonis.Win32.Vss;

namespace ImageBackup.Vss;

/// <summary>
/// Loads AlphaVSS's native part from a folder. Its own resolver looks in the host's directories only, and those are PowerShell's.
/// </summary>
internal static class AlphaVssLoader
{
    public static IVssFactory CreateFactory(string folder) => new VssFactoryProvider(new FolderResolver(folder)).GetVssFactory();

    public static void TryComponents(string folder)
    {
        using IVssBackupComponents components = CreateFactory(folder).CreateVssBackupComponents();
        components.InitializeForBackup(null);
    }

    /// <remarks>
    /// LoadFrom finds the native part's own references in the load context of the module: its managed part is loaded there already.
    /// </remarks>
    private sealed class FolderResolver(string folder) : IVssAssemblyResolver
    {
        public Assembly LoadAssembly(AssemblyName assemblyName) => ModuleAssemblies.Load(Path.Combine(folder, assemblyName.Name + ".dll"));
    }
}
