using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Xunit;

namespace ImageBackup.Tests.Unit;

/// <summary>The repository's own tree, found from where the tests run.</summary>
internal static class SourceTree
{
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release: how this assembly, and so the Host beside it, was built.</summary>
    public static string Configuration { get; } =
        typeof(SourceTree).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    public static string TypesFile => Path.Combine(Root, "src", "ImageBackup", "ImageBackup.Types.ps1xml");

    public static string FormatFile => Path.Combine(Root, "src", "ImageBackup", "ImageBackup.Format.ps1xml");

    /// <summary>What IMAGEBACKUP_HOST names (tests/Run: one with PowerShell compiled ahead), else the one that was built.</summary>
    public static string HostProgram => Environment.GetEnvironmentVariable("IMAGEBACKUP_HOST") is { Length: > 0 } given ? given : Path.Combine(
        Root, "src", "ImageBackup.Host", "bin", Configuration, "net10.0", "ImageBackup.Host" + (OperatingSystem.IsWindows() ? ".exe" : ""));

    /// <summary>All source files below a folder, without what a build makes; relative paths with slashes.</summary>
    public static IReadOnlyList<string> Files(string folder, string pattern)
    {
        string start = Path.Combine(Root, folder);
        Assert.SkipUnless(Directory.Exists(start), $"The source is not here: there is no '{start}'.");
        return Directory.EnumerateFiles(start, pattern, SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Where(f => !f.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal).ToList();
    }

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "src")))
                return at.FullName;
        }
        return AppContext.BaseDirectory;
    }
}
