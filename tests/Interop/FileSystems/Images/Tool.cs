using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>What a peer said.</summary>
internal sealed record ToolResult(int ExitCode, string Output);

/// <summary>Runs peers: the tools that make, fill, check and map file systems.</summary>
internal static class Tool
{
    private static readonly string[] s_directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <summary>Skips the test where one of the peers is not installed, and says which.</summary>
    public static void Require(params string[] names)
    {
        foreach (string name in names)
            Assert.SkipUnless(Find(name) is not null, $"{name} is not installed");
    }

    /// <summary>Skips the test where FUSE mounts are not possible.</summary>
    public static void RequireFuse() =>
        Assert.SkipUnless(File.Exists("/dev/fuse") && Environment.UserName == "root", "FUSE mounts need /dev/fuse and root");

    /// <summary>Runs a tool that must succeed.</summary>
    public static string Run(string name, params string[] arguments)
    {
        ToolResult result = TryRun(name, arguments);
        Assert.True(result.ExitCode == 0, $"{name} {string.Join(' ', arguments)} ended with {result.ExitCode}: {result.Output}");
        return result.Output;
    }

    public static ToolResult TryRun(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(Find(name) ?? name)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["MTOOLS_SKIP_CHECK"] = "1";
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ToolResult(process.ExitCode, output + error.Result);
    }

    private static string? Find(string name) =>
        s_directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
}
