using System;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Tests.Run;

/// <summary>
/// Passes all the tests: installs the peers that Debian has, builds, runs every test project and the Pester suite, and
/// closes with one line of counts. What cannot run here is counted as skipped and named.
/// </summary>
internal static class Program
{
    public static int Main()
    {
        string root = FindRoot();
        var count = new TestCount();
        Peers.Install();

        // The module is laid out in output/ as a user gets it; the tests and the Pester suite import that.
        if (!Dotnet.Run(root, "build", "src/ImageBackup.slnx", "-c", "Release", "-nologo", "-v", "quiet")
            || !Dotnet.Run(root, "build", "src/ImageBackup", "-t:LayOutModule", "-c", "Release", "-nologo", "-v", "quiet"))
        {
            count.Failed++;
            count.Failures.Add("The build failed.");
        }
        else
        {
            foreach (string project in new[] { "tests/Unit", "tests/Interop", "tests/Vm", "tests/Wine" })
                TestProject.Run(root, project, count);
            PesterSuite.Run(root, count);
        }

        foreach (string reason in count.SkipReasons)
            Console.WriteLine("skipped: " + reason);
        // At the very end, because whoever keeps a part of a long log keeps its end.
        foreach (string failure in count.Failures)
            Console.WriteLine("FAILED: " + failure);
        Console.WriteLine($"{count.Passed} passed, {count.Failed} failed, {count.Skipped} skipped");
        return count.Failed == 0 && count.Passed > 0 ? 0 : 1;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "tests")))
                return at.FullName;
        }
        return Directory.GetCurrentDirectory();
    }
}

/// <summary>What ran so far.</summary>
internal sealed class TestCount
{
    public int Passed { get; set; }
    public int Failed { get; set; }
    public int Skipped { get; set; }
    public List<string> SkipReasons { get; } = [];
    public List<string> Failures { get; } = [];
}
