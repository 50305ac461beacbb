using System;
using System.Diagnostics;
using System.IO;

namespace ImageBackup.Tests.Run;

/// <summary>Runs programs, each line of their output to one place, with what it came from in front if several run at once.</summary>
internal static class Dotnet
{
    private static readonly object s_console = new();

    public static bool Run(string directory, params string[] arguments) => Start("dotnet", directory, arguments) == 0;

    /// <summary>With its output on ours.</summary>
    public static int Start(string program, string directory, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>Every line of its output to <paramref name="take"/>; its exit code.</summary>
    public static int Listen(ProcessStartInfo start, Action<string> take)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        var order = new object();
        void Take(string? line)
        {
            if (line is null)
                return;
            lock (order)
                take(line);
        }
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        return process.ExitCode;
    }

    public static void WriteLine(string text)
    {
        lock (s_console)
            Console.WriteLine(text);
    }

    public static string Temporary(string name) => Path.Combine(Path.GetTempPath(), $"imagebackup-{name}-{Guid.NewGuid():N}");
}
