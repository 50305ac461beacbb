using System;
using System.IO;
using System.Reflection;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Finds what the tests need of the tree they were built in.</summary>
internal static class SourceTree
{
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release: how this assembly, and so the Host beside it, was built.</summary>
    public static string Configuration { get; } =
        typeof(SourceTree).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    public static string FormatFile => Path.Combine(Root, "src", "ImageBackup", "ImageBackup.Format.ps1xml");

    public static string HostProgram => Path.Combine(
        Root, "src", "ImageBackup.Host", "bin", Configuration, "net10.0", "ImageBackup.Host" + (OperatingSystem.IsWindows() ? ".exe" : ""));

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "src")))
                return at.FullName;
        }
        throw new DirectoryNotFoundException("The tests do not lie in the source tree.");
    }
}
