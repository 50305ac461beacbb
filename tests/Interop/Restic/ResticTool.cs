using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>Runs programs with a time limit, and restic with the tests' password and without a cache.</summary>
internal static class ResticTool
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    /// <summary>Another restic than the installed one, by its path: the newer one of the test command's second run.</summary>
    private const string Variable = "IMAGEBACKUP_RESTIC";

    /// <summary>Skips the test if restic is not installed.</summary>
    public static void Require() => Assert.SkipUnless(Find("restic") is not null, "restic is not installed.");

    public static string? Find(string program) => program == "restic" && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path
        ? path
        : new[] { "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin" }.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);

    /// <summary>Whether restic is of this version or a later one.</summary>
    public static bool IsAtLeast(int major, int minor)
    {
        using Process process = Process.Start(new ProcessStartInfo(Find("restic")!, ["version"]) { RedirectStandardOutput = true })!;
        string[] words = process.StandardOutput.ReadToEnd().Split(' ');
        process.WaitForExit();
        return words.Length > 1 && System.Version.TryParse(words[1], out Version? version) && version >= new Version(major, minor);
    }

    /// <summary>The command that makes the index anew has another name since 0.16.</summary>
    public static void RebuildIndex(string repository, params string[] options) =>
        Run(repository, [.. IsAtLeast(0, 16) ? (string[])["repair", "index"] : ["rebuild-index"], .. options]);

    /// <summary>All snapshots to another repository with the same password.</summary>
    public static void Copy(string repository, string target) => Run(target, "copy", "--from-repo", repository);

    /// <summary>restic's standard output; it must end with 0.</summary>
    public static string Run(string repository, params string[] arguments)
    {
        (int code, string output, string error) = TryRun(repository, arguments);
        Assert.True(code == 0, $"restic {string.Join(' ', arguments)} ended with {code}: {output}{error}");
        return output;
    }

    public static (int Code, string Output, string Error) TryRun(string repository, params string[] arguments)
    {
        using Process process = Begin(repository, arguments);
        return End(process);
    }

    /// <summary>With a file as standard input.</summary>
    public static void RunWithInput(string repository, string inputPath, params string[] arguments)
    {
        using Process process = Begin(repository, arguments, hasInput: true);
        using (FileStream input = File.OpenRead(inputPath))
            input.CopyTo(process.StandardInput.BaseStream);
        process.StandardInput.Close();
        (int code, string output, string error) = End(process);
        Assert.True(code == 0, $"restic {string.Join(' ', arguments)} ended with {code}: {output}{error}");
    }

    /// <summary>Whether what restic writes on its standard output is the file's content, byte for byte.</summary>
    public static bool OutputEquals(string repository, string path, params string[] arguments)
    {
        using Process process = Begin(repository, arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();
        using FileStream expected = File.OpenRead(path);
        Stream output = process.StandardOutput.BaseStream;
        byte[] one = new byte[1 << 20], other = new byte[1 << 20];
        bool isEqual = true;
        while (true)
        {
            int count = output.ReadAtLeast(one, one.Length, throwOnEndOfStream: false);
            int expectedCount = expected.ReadAtLeast(other, other.Length, throwOnEndOfStream: false);
            isEqual &= one.AsSpan(0, count).SequenceEqual(other.AsSpan(0, expectedCount));
            if (count == 0)
                break;
        }
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return isEqual;
    }

    public static Process Begin(string repository, IEnumerable<string> arguments, bool hasInput = false)
    {
        var start = new ProcessStartInfo(Find("restic")!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = hasInput,
        };
        foreach (string argument in new[] { "-r", repository, "--no-cache" }.Concat(arguments))
            start.ArgumentList.Add(argument);
        start.Environment["RESTIC_PASSWORD"] = TestRepository.Password;
        start.Environment["RESTIC_FROM_PASSWORD"] = TestRepository.Password;
        start.Environment.Remove("RESTIC_REPOSITORY");
        return Process.Start(start)!;
    }

    private static (int Code, string Output, string Error) End(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill();
            Assert.Fail("restic did not end in time.");
        }
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }
}
