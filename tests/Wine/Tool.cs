using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace ImageBackup.Tests.Wine;

/// <summary>Runs programs, with a time limit.</summary>
internal static class Tool
{
    public static bool Exists(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Concat(["/usr/sbin", "/sbin"]).Any(directory => File.Exists(Path.Combine(directory, name)));

    public static (int ExitCode, string Output) Try(ProcessStartInfo start, TimeSpan limit)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{start.FileName} did not end within {limit}.");
        }
        // A service that the program started may hold its output open.
        Task.WaitAll([output, errors], TimeSpan.FromSeconds(10));
        return (process.ExitCode, (output.IsCompleted ? output.Result : "") + (errors.IsCompleted ? errors.Result : ""));
    }

    public static string Run(string name, params string[] arguments)
    {
        (int exitCode, string output) = Try(new ProcessStartInfo(name, arguments), TimeSpan.FromMinutes(5));
        return exitCode == 0 ? output : throw new InvalidOperationException($"{name} {string.Join(" ", arguments)} gave {exitCode}: {output}");
    }
}
