using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

namespace ImageBackup.Tests.Run;

/// <summary>Runs tests/Pester in a real pwsh where there is one with Pester, and counts from its closing line.</summary>
internal static partial class PesterSuite
{
    public static void Run(string root, TestCount count)
    {
        string script = Path.Combine(root, "tests", "Pester", "Invoke-Suite.ps1");
        Console.WriteLine("== tests/Pester");
        var start = new ProcessStartInfo("pwsh")
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            ArgumentList = { "-NoProfile", "-NonInteractive", "-File", script },
            Environment = { ["NO_COLOR"] = "1" },
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Skip(count, "there is no pwsh in PATH (it is no Debian package; see the README)");
            return;
        }
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Console.Write(output);
        Match line = ClosingLine().Match(output);
        if (line.Success)
        {
            count.Passed += Number(line, 1);
            count.Failed += Number(line, 2);
            count.Skipped += Number(line, 3);
        }
        if (output.Contains("Pester suite: skipped", StringComparison.Ordinal))
            Skip(count, "pwsh has no Pester 5");
        else if (!line.Success || process.ExitCode != 0 && Number(line, 2) == 0)
        {
            count.Failed++;
            count.Failures.Add("the Pester suite did not run to its end.");
        }
        count.Failures.AddRange(output.Split('\n').Where(l => l.TrimStart().StartsWith("[-]", StringComparison.Ordinal)).Select(l => "Pester: " + l.Trim()));
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    private static void Skip(TestCount count, string reason)
    {
        count.Skipped++;
        count.SkipReasons.Add("the Pester suite: " + reason);
    }

    [GeneratedRegex(@"Pester suite: (\d+) passed, (\d+) failed, (\d+) skipped")]
    private static partial Regex ClosingLine();
}
