using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace ImageBackup.Tests.Run;

/// <summary>
/// Passes all the tests: installs the peers that Debian has, builds, runs every suite, and closes with a line of counts for each and
/// one for all. What cannot run here is counted as skipped and named.
/// <c>--only NAME ...</c> runs the suites whose names begin so; <c>--slowest COUNT</c> lists the slowest cases; <c>--no-build</c> takes what was built.
/// </summary>
internal static class Program
{
    /// <summary>The emulated machine takes 3 GiB; beside it the other suites want as much again.</summary>
    private const long TwoLanesBytes = 7L << 30;

    public static int Main(string[] arguments)
    {
        string root = FindRoot();
        List<string> only = [.. arguments.SkipWhile(a => a != "--only").Skip(1).TakeWhile(a => !a.StartsWith("--", StringComparison.Ordinal))];
        int slowest = int.Parse(arguments.SkipWhile(a => a != "--slowest").Skip(1).FirstOrDefault() ?? "0", CultureInfo.InvariantCulture);
        var build = new SuiteResult("build");
        var results = new List<SuiteResult> { build };
        Peers.Install();

        // The module is laid out in output/ as a user gets it; the tests and the Pester suite import that.
        Time(build, () =>
        {
            if (arguments.Contains("--no-build"))
                return;
            string[] layOut = ["build", "src/ImageBackup", "-t:LayOutModule", "-c", "Release", "-nologo", "-v", "quiet"];
            // Where Windows is tried, its machine code lies in the module too: what asks for it by name fails if the compiler's packages cannot be had.
            bool isBuilt = Dotnet.Run(root, "build", "src/ImageBackup.slnx", "-c", "Release", "-nologo", "-v", "quiet")
                && (Peers.HasWine && Dotnet.Run(root, [.. layOut, "-p:CompileAheadFor=\"linux-x64;win-x64\""]) || Dotnet.Run(root, layOut));
            if (!isBuilt)
                build.Fail("the build failed.");
        });
        if (build.Failed == 0)
            RunSuites(root, only, results);

        foreach (string reason in results.SelectMany(r => r.SkipReasons))
            Console.WriteLine("skipped: " + reason);
        foreach ((string name, TimeSpan time) in results.SelectMany(r => r.Cases).OrderByDescending(c => c.Time).Take(slowest))
            Console.WriteLine($"slow: {time.TotalSeconds,7:0.0} s  {name}");
        // At the very end, because a program that keeps a part of a long log keeps its end.
        foreach (string failure in results.SelectMany(r => r.Failures))
            Console.WriteLine("FAILED: " + failure);
        foreach (SuiteResult result in results)
            Console.WriteLine(result);
        int passed = results.Sum(r => r.Passed), failed = results.Sum(r => r.Failed);
        Console.WriteLine($"{passed} passed, {failed} failed, {results.Sum(r => r.Skipped)} skipped");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    /// <summary>
    /// In two lanes beside each other. Most of the interop tests' time is other programs and the disk, one at a time, and the emulated
    /// machine has a processor and a half to itself; what shares loop devices and mounts with nothing else comes first in each. Whichever lane
    /// is through first takes the next of the rest, so that neither waits for the other for long.
    /// </summary>
    private static void RunSuites(string root, List<string> only, List<SuiteResult> results)
    {
        string? restored = PesterSuite.PowerShell(root);
        using var programs = new StartedPrograms(root, restored);
        string? powerShell = programs.PowerShell;
        // The interop tests end them by signals.
        Environment.SetEnvironmentVariable("IMAGEBACKUP_PWSH", powerShell);
        Environment.SetEnvironmentVariable("IMAGEBACKUP_HOST", programs.Host);
        (string Name, Action<SuiteResult> Run)[] first =
        [
            ("unit", r => TestProject.Run(root, "tests/Unit", r)),
            ("interop", r => TestProject.Run(root, "tests/Interop", r)),
        ];
        (string Name, Action<SuiteResult> Run)[] second =
        [
            ("virtual machine", r => TestProject.Run(root, "tests/Vm", r)),
            ("Wine", r => TestProject.Run(root, "tests/Wine", r)),
        ];
        (string Name, Action<SuiteResult> Run)[] either =
        [
            ("Pester, net10.0", r => Pester(r, powerShell, PesterSuite.Version, "net10.0")),
            ("Pester, netstandard2.0", r => Pester(r, powerShell, PesterSuite.Version, "netstandard2.0", PesterSuite.WhereBuildsDiffer(root))),
            ("interop with the newer restic", r => SecondRestic.Run(root, r)),
            // In PowerShell as its package has it.
            ("Pester " + PesterSuite.NextVersion, r => Pester(r, restored, PesterSuite.NextVersion, "net10.0", "Module", "Repository", "Restore")),
        ];
        var rest = new ConcurrentQueue<(string Name, Action<SuiteResult> Run)>(either);

        void Pester(SuiteResult result, string? shell, string version, string build, params string[] names)
        {
            if (shell is null)
                result.Skip("PowerShell could not be restored as a .NET tool (.config/dotnet-tools.json): no package source that has it can be reached");
            else
                PesterSuite.Run(root, shell, version, build, result, names);
        }

        void Suite(string name, Action<SuiteResult> run)
        {
            if (only.Count > 0 && !only.Any(o => name.StartsWith(o, StringComparison.OrdinalIgnoreCase)))
                return;
            var result = new SuiteResult(name);
            lock (results)
                results.Add(result);
            Time(result, () => run(result));
            Dotnet.WriteLine("== " + result);
        }

        void Lane((string Name, Action<SuiteResult> Run)[] own)
        {
            foreach ((string name, Action<SuiteResult> run) in own)
                Suite(name, run);
            while (rest.TryDequeue(out (string Name, Action<SuiteResult> Run) suite))
                Suite(suite.Name, suite.Run);
        }

        if (Environment.ProcessorCount > 1 && GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > TwoLanesBytes)
        {
            Task beside = Task.Run(() => Lane(second));
            Lane(first);
            beside.Wait();
        }
        else
        {
            Lane([.. first, .. second]);
        }
    }

    private static void Time(SuiteResult result, Action run)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            run();
        }
        catch (Exception e)
        {
            // One suite's trouble must not hide what the others say.
            result.Fail(e.ToString());
        }
        result.Time = clock.Elapsed;
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
