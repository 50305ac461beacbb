using System;
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss;

/// <summary>AlphaVSS as it lies beside this assembly: its managed part, its native one for this processor, and Ijwhost.dll on .NET.</summary>
internal sealed class AlphaVssService : IVssService
{
    private const string Managed = "AlphaVSS.Common.dll";

    private static string Folder => Path.GetDirectoryName(typeof(AlphaVssService).Assembly.Location) ?? "";

    private static string Native => Environment.Is64BitProcess ? "AlphaVSS.x64.dll" : "AlphaVSS.x86.dll";

    public string? WhyNotUsable()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return "this system is not Windows";
        if (RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.X86))
            return $"AlphaVSS has no build for {RuntimeInformation.ProcessArchitecture}";
        if (RuntimeInformation.OSArchitecture != RuntimeInformation.ProcessArchitecture)
            return $"a {RuntimeInformation.ProcessArchitecture} process cannot speak to the VSS of a {RuntimeInformation.OSArchitecture} Windows";
        foreach (string file in new[] { Managed, Native })
        {
            if (!File.Exists(Path.Combine(Folder, file)))
                return $"AlphaVSS is not beside the module ({file} is missing)";
        }
        try
        {
            return Try();
        }
        catch (Exception e) when (e is FileNotFoundException or FileLoadException or BadImageFormatException or DllNotFoundException or TypeLoadException)
        {
            return "AlphaVSS cannot be loaded (is the VC++ runtime installed?): " + e.Message.TrimEnd('.');
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return "VSS cannot be spoken to: " + e.Message.TrimEnd('.');
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public object Factory() => AlphaVssLoader.CreateFactory(Folder);

    /// <summary>Makes what a backup begins with, and lets go of it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string? Try()
    {
        AlphaVssLoader.TryComponents(Folder);
        return null;
    }
}
