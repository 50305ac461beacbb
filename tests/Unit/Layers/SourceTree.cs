using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>The repository's own source, found from where the tests run.</summary>
internal static class SourceTree
{
    public static string Root { get; } = FindRoot();

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
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Directory.Packages.props")) && Directory.Exists(Path.Combine(directory.FullName, "src")))
                return directory.FullName;
        }
        return AppContext.BaseDirectory;
    }
}
