using System;
using System.IO;

namespace ImageBackup.Host;

/// <summary>Where the module lies: beside the executable, put there by the build and by publishing.</summary>
internal static class ModuleFolder
{
    public static string Manifest => Path.Combine(s_path, "ImageBackup.psd1");

    /// <summary>Where ImageBackup.dll, which the manifest names, and what it stands on lie.</summary>
    public static string Assemblies => Path.Combine(s_path, "net10.0");

    private static readonly string s_path = Path.Combine(AppContext.BaseDirectory, "Modules", "ImageBackup");
}
