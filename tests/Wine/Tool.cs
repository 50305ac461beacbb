using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;

namespace ImageBackup.Tests.Wine;

/// <summary>A program did not end in time, or did not go on; with what it had said.</summary>
internal sealed class ProgramHangsException(string message, string output) : TimeoutException(message)
{
    public string Output => output;
}

/// <summary>Runs programs, with a time limit.</summary>
internal static class Tool
{
    public static bool Exists(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Concat(["/usr/sbin", "/sbin"]).Any(directory => File.Exists(Path.Combine(directory, name)));

    /// <param name="goesOn">A text in its output that begins the time anew; null: the limit is for all of it.</param>
    public static (int ExitCode, string Output) Try(ProcessStartInfo start, TimeSpan limit, string? goesOn = null)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = new StringBuilder();
        var errors = new StringBuilder();
        Task read = Task.WhenAll(ReadAsync(process.StandardOutput, output), ReadAsync(process.StandardError, errors));
        for (int seen = 0; !process.WaitForExit(limit);)
        {
            string said = Text(output) + Text(errors);
            int count = goesOn is null ? 0 : said.Split(goesOn).Length - 1;
            if (count <= seen)
            {
                process.Kill(entireProcessTree: true);
                throw new ProgramHangsException($"{start.FileName} did not end within {limit}. The end of what it said:\n{said[Math.Max(0, said.Length - 4000)..]}", said);
            }
            seen = count;
        }
        // A service that the program started may hold its output open.
        read.Wait(TimeSpan.FromSeconds(10));
        return (process.ExitCode, Text(output) + Text(errors));
    }

    /// <summary>What came is there at each moment: a program that hangs has said where.</summary>
    private static async Task ReadAsync(StreamReader from, StringBuilder to)
    {
        var buffer = new char[4096];
        for (int count; (count = await from.ReadAsync(buffer)) > 0;)
        {
            lock (to)
                to.Append(buffer, 0, count);
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    public static string Run(string name, params string[] arguments)
    {
        (int exitCode, string output) = Try(new ProcessStartInfo(name, arguments), TimeSpan.FromMinutes(5));
        return exitCode == 0 ? output : throw new InvalidOperationException($"{name} {string.Join(" ", arguments)} gave {exitCode}: {output}");
    }
}
