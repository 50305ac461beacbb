using System;
using System.IO;

namespace ImageBackup.Host;

/// <summary>Where the module lies: beside the executable, put there by the build and by publishing.</summary>
internal static class ModuleFolder
{
    public static string Manifest => Path.Combine(AppContext.BaseDirectory, "Modules", "ImageBackup", "ImageBackup.psd1");
}
