using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Finds the Host that `dotnet build -c Release src/ImageBackup.Host` or a publish made.</summary>
internal static class HostPath
{
    public static string Find() => Directory.EnumerateFiles(Path.Combine(Root(), "src", "ImageBackup.Host", "bin", "Release"), "ImageBackup.Host.dll", SearchOption.AllDirectories)
        .OrderByDescending(File.GetLastWriteTimeUtc).FirstOrDefault() ?? throw NotBuilt();

    /// <summary>The project's folder.</summary>
    public static string Root()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (Directory.Exists(Path.Combine(at.FullName, "src", "ImageBackup.Host", "bin", "Release")))
                return at.FullName;
        }
        throw NotBuilt();
    }

    private static FileNotFoundException NotBuilt() => new("Build the Host first: dotnet build -c Release src/ImageBackup.Host");
}
