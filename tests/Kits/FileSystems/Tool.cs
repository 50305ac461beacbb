using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A program of the system, run to its end.</summary>
internal static class Tool
{
    /// <summary>Skips the test if one of the programs is missing, naming it, or if the test is not root.</summary>
    public static void Require(params string[] names)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "runs on Linux only");
        Assert.SkipUnless(Environment.UserName == "root" || Environment.IsPrivilegedProcess, "mounting needs root");
        foreach (string name in names)
            Assert.SkipUnless(Find(name) is not null, $"{name} is not installed");
    }

    public static string? Find(string name)
    {
        foreach (string folder in new[] { "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin" })
        {
            if (File.Exists(Path.Combine(folder, name)))
                return Path.Combine(folder, name);
        }
        return null;
    }

    /// <summary>The standard output; an exit code other than 0 fails the test with everything the program said.</summary>
    public static string Run(string name, params string[] arguments)
    {
        (int exitCode, string output, string error) = TryRun(name, arguments);
        Assert.True(exitCode == 0, $"{name} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}\n{error}");
        return output;
    }

    /// <summary>A line for the shell; stops at the first command that fails.</summary>
    public static string Shell(string line) => Run("bash", "-euc", line);

    public static (int ExitCode, string Output, string Error) TryRun(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(Find(name) ?? name)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        foreach (string argument in (IEnumerable<string>)arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
