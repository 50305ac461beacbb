using System;
using System.IO;
using System.Linq;
using System.Xml.Linq;

namespace ImageBackup.Tests.Run;

/// <summary>Runs one test project and counts from its result file.</summary>
internal static class TestProject
{
    public static void Run(string root, string project, TestCount count)
    {
        Console.WriteLine($"== {project}");
        string results = Path.Combine(Path.GetTempPath(), "imagebackup-results-" + Guid.NewGuid().ToString("N"));
        try
        {
            bool succeeded = Dotnet.Run(root, "test", project, "-c", "Release", "--no-build", "--nologo", "--logger", "trx", "--logger", "console;verbosity=minimal", "--results-directory", results);
            string[] files = Directory.Exists(results) ? Directory.GetFiles(results, "*.trx", SearchOption.AllDirectories) : [];
            int failedBefore = count.Failed;
            foreach (string file in files)
                Count(XDocument.Load(file), count);
            // A run that ended without a result file, or badly with no failed test, has failed all the same.
            if (files.Length == 0 || !succeeded && count.Failed == failedBefore)
            {
                count.Failed++;
                count.Failures.Add($"{project} did not run to its end.");
            }
        }
        finally
        {
            if (Directory.Exists(results))
                Directory.Delete(results, recursive: true);
        }
    }

    private static void Count(XDocument trx, TestCount count)
    {
        foreach (XElement result in trx.Descendants().Where(e => e.Name.LocalName == "UnitTestResult"))
        {
            switch ((string?)result.Attribute("outcome"))
            {
                case "Passed":
                    count.Passed++;
                    break;
                case "NotExecuted":
                    count.Skipped++;
                    string? reason = result.Descendants().FirstOrDefault(e => e.Name.LocalName is "Message" or "StdOut")?.Value;
                    count.SkipReasons.Add($"{(string?)result.Attribute("testName")}: {reason?.Trim()}");
                    break;
                default:
                    count.Failed++;
                    string? message = result.Descendants().FirstOrDefault(e => e.Name.LocalName == "ErrorInfo")?.Value;
                    count.Failures.Add($"{(string?)result.Attribute("testName")}: {message?.Trim()}");
                    break;
            }
        }
    }
}
