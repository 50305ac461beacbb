using System.Management.Automation;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Vss;

namespace ImageBackup.Session;

/// <summary>Registers with the engine the parts of assemblies that it does not know, when the module is imported.</summary>
public sealed class ModuleStart : IModuleAssemblyInitializer
{
    public void OnImport()
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            RegisterVss();
    }

    /// <summary>Apart, so that elsewhere its assembly is not even loaded.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RegisterVss() => SnapshotProviders.Register(new VssSnapshotProvider());
}
