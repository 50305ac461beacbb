using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;

namespace ImageBackup.Tests.Run;

/// <summary>
/// Runs tests/Pester in the PowerShell that .config/dotnet-tools.json pins, with the Pester that this project restored, and counts
/// from its closing line.
/// </summary>
internal static partial class PesterSuite
{
    /// <summary>
    /// Files whose subject has one source and one way through both builds: what a person is asked, views and objects, help, scripts, schedules, installing, DSC's
    /// scripts. The netstandard2.0 build runs the others here, and all by hand (Invoke-Suite.ps1 -Build netstandard2.0).
    /// </summary>
    private static readonly string[] s_sameInBothBuilds =
    [
        "Console", "Dsc", "Help", "Install", "Isolation", "Objects", "QuickStart", "Readme", "Remoting", "Schedule", "Scripts", "TestDisk", "WhatIf",
    ];

    public static string[] WhereBuildsDiffer(string root) =>
        [.. Directory.GetFiles(Path.Combine(root, "tests", "Pester"), "*.Tests.ps1").Select(file => Path.GetFileName(file)[..^".Tests.ps1".Length]).Except(s_sameInBothBuilds).Order(StringComparer.Ordinal)];

    public static string Version => Metadata("Pester");
    public static string NextVersion => Metadata("NextPester");
    public static string PackageRoot => Metadata("PackageRoot");

    /// <summary>The PowerShell of the tool's package. It has no program of its own: dotnet runs it.</summary>
    public static string? PowerShell(string root)
    {
        if (!Dotnet.Run(root, "tool", "restore", "-v", "quiet"))
            return null;
        string folder = Path.Combine(PackageRoot, "powershell");
        return Directory.Exists(folder)
            ? Directory.GetFiles(folder, "pwsh.dll", SearchOption.AllDirectories).Where(f => Path.GetFileName(Path.GetDirectoryName(f)) == "unix" && f.Contains(ToolVersion(root), StringComparison.Ordinal)).FirstOrDefault()
            : null;
    }

    /// <param name="build">net10.0 or netstandard2.0: the module's build.</param>
    /// <param name="names">The beginnings of the names of the files to run; all if there are none.</param>
    public static void Run(string root, string powerShell, string pesterVersion, string build, SuiteResult result, params string[] names)
    {
        string home = Directory.CreateDirectory(Dotnet.Temporary("home")).FullName;
        var start = new ProcessStartInfo("dotnet", [powerShell, "-NoProfile", "-NonInteractive", "-File", Path.Combine(root, "tests", "Pester", "Invoke-Suite.ps1"),
            "-Build", build, "-PesterPath", Path.Combine(PackageRoot, "pester", pesterVersion, "tools"), "-Name", names.Length == 0 ? "*" : string.Join(',', names)])
        {
            WorkingDirectory = root,
            Environment = { ["NO_COLOR"] = "1", ["LC_ALL"] = "C.UTF-8", ["HOME"] = home, ["POWERSHELL_TELEMETRY_OPTOUT"] = "1", ["POWERSHELL_UPDATECHECK"] = "Off" },
        };
        bool isCounted = false;
        int exitCode = Dotnet.Listen(start, line =>
        {
            Dotnet.WriteLine($"{result.Name}: {line}");
            isCounted |= Count(line, result);
        });
        if (!isCounted || exitCode != 0 && result.Failed == 0)
            result.Fail("the Pester suite did not run to its end.");
        Directory.Delete(home, recursive: true);
    }

    /// <summary>Whether the line closes the suite.</summary>
    public static bool Count(string line, SuiteResult result)
    {
        if (line.TrimStart().StartsWith("[-]", StringComparison.Ordinal))
            result.Failures.Add($"{result.Name}: {line.Trim()}");
        Match reason = SkippedLine().Match(line);
        if (reason.Success)
            result.SkipReasons.Add($"{result.Name}: {reason.Groups[1].Value}");
        Match match = ClosingLine().Match(line);
        if (!match.Success)
            return false;
        result.Passed += Number(match, 1);
        result.Failed += Number(match, 2);
        result.Skipped += Number(match, 3);
        return true;
    }

    private static string ToolVersion(string root) => VersionLine().Match(File.ReadAllText(Path.Combine(root, ".config", "dotnet-tools.json"))).Groups[1].Value;

    private static string Metadata(string key) =>
        typeof(PesterSuite).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(a => a.Key == key).Value ?? "";

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Pester suite: (\d+) passed, (\d+) failed, (\d+) skipped")]
    private static partial Regex ClosingLine();

    [GeneratedRegex(@"Pester skipped: (.*)")]
    private static partial Regex SkippedLine();

    [GeneratedRegex("""
        "version": "([^"]+)"
        """)]
    private static partial Regex VersionLine();
}
