using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Finds the Host that `dotnet build -c Release src/ImageBackup.Host` or a publish made.</summary>
internal static class HostPath
{
    public static string Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string host = Path.Combine(at.FullName, "src", "ImageBackup.Host", "bin", "Release");
            if (!Directory.Exists(host))
                continue;
            return Directory.EnumerateFiles(host, "ImageBackup.Host.dll", SearchOption.AllDirectories).OrderByDescending(File.GetLastWriteTimeUtc).FirstOrDefault()
                ?? throw new FileNotFoundException("Build the Host first: dotnet build -c Release src/ImageBackup.Host");
        }
        throw new FileNotFoundException("Build the Host first: dotnet build -c Release src/ImageBackup.Host");
    }
}
