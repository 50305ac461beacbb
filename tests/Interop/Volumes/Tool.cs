using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Interop.Volumes;

/// <summary>Runs the system's own programs.</summary>
internal static class Tool
{
    [System.Runtime.InteropServices.DllImport("libc")]
    private static extern uint geteuid();

    public static bool IsRoot => OperatingSystem.IsLinux() && geteuid() == 0;

    /// <summary>Skips the test, saying why, if it cannot run.</summary>
    public static void RequireRoot(params string[] programs)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Loop devices are Linux's.");
        Assert.SkipUnless(IsRoot, "Loop devices and mounts need root.");
        Assert.SkipUnless(Find("losetup") is not null, "losetup is not installed.");
        foreach (string program in programs)
            Assert.SkipUnless(Find(program) is not null, $"{program} is not installed.");
    }

    /// <summary>What the program wrote on its standard output; it must end with 0.</summary>
    public static string Run(string program, params string[] arguments)
    {
        (int code, string output, string error) = Start(program, arguments);
        return code == 0
            ? output.Trim()
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {code}: {output}{error}");
    }

    /// <summary>A line for the shell; stops at the first command that fails.</summary>
    public static string Shell(string line) => Run("bash", "-euc", line);

    public static (int Code, string Output) TryRun(string program, params string[] arguments)
    {
        (int code, string output, string error) = Start(program, arguments);
        return (code, (output + error).Trim());
    }

    private static (int Code, string Output, string Error) Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(Find(program) ?? program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        System.Threading.Tasks.Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static string? Find(string program) =>
        new[] { "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin" }
            .Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);
}
