using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Xml.Linq;

namespace ImageBackup.Tests.Run;

/// <summary>Runs one test project, or a part of it, and counts from its result file.</summary>
internal static class TestProject
{
    public static void Run(string root, string project, SuiteResult result, string? filter = null, params (string Name, string Value)[] variables)
    {
        string results = Dotnet.Temporary("results");
        var start = new ProcessStartInfo("dotnet",
            ["test", project, "-c", "Release", "--no-build", "--nologo", "--logger", "trx", "--logger", "console;verbosity=minimal", "--results-directory", results])
        {
            WorkingDirectory = root,
        };
        if (filter is not null)
        {
            start.ArgumentList.Add("--filter");
            start.ArgumentList.Add(filter);
        }
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        try
        {
            int exitCode = Dotnet.Listen(start, line => Dotnet.WriteLine($"{result.Name}: {line}"));
            string[] files = Directory.Exists(results) ? Directory.GetFiles(results, "*.trx", SearchOption.AllDirectories) : [];
            foreach (string file in files)
                Count(XDocument.Load(file), result);
            // A run that ended without a result file, or badly with no failed test, has failed all the same.
            if (files.Length == 0 || exitCode != 0 && result.Failed == 0)
                result.Fail($"{project} did not run to its end.");
        }
        finally
        {
            if (Directory.Exists(results))
                Directory.Delete(results, recursive: true);
        }
    }

    private static void Count(XDocument trx, SuiteResult suite)
    {
        foreach (XElement result in trx.Descendants().Where(e => e.Name.LocalName == "UnitTestResult"))
        {
            string name = (string?)result.Attribute("testName") ?? "";
            if (TimeSpan.TryParse((string?)result.Attribute("duration"), CultureInfo.InvariantCulture, out TimeSpan time))
                suite.Cases.Add((name, time));
            string text = string.Concat(result.Descendants().Where(e => e.Name.LocalName is "Message" or "StdOut").Select(e => e.Value));
            switch ((string?)result.Attribute("outcome"))
            {
                case "Passed":
                    suite.Passed++;
                    // A case that is a whole suite of its own: Pester on Windows.
                    foreach (string line in text.Split('\n'))
                        PesterSuite.Count(line.Trim(), suite);
                    break;
                case "NotExecuted":
                    suite.Skip($"{name}: {text.Trim()}");
                    break;
                default:
                    suite.Fail($"{name}: {result.Descendants().FirstOrDefault(e => e.Name.LocalName == "ErrorInfo")?.Value.Trim()}");
                    break;
            }
        }
    }
}
