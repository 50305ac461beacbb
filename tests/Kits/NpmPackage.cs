using System;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Kits;

/// <summary>A package of npm's with all that it needs, in a folder of its own in the user's cache; it is kept from run to run and installed nowhere else.</summary>
internal static class NpmPackage
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    private static string Cache => Path.Combine(UserFolder.Path is { Length: > 1 } home ? home : Path.GetTempPath(), ".cache", "imagebackup-tests");

    /// <summary>The program 'node'; null: it is not installed.</summary>
    public static string? Node => Find("node");

    /// <summary>The folder that 'node_modules' is in; null if it cannot be had, and <paramref name="whyNot"/> says why.</summary>
    public static string? Install(string name, string version, out string whyNot)
    {
        whyNot = "";
        string folder = Path.Combine(Cache, $"{name}-{version}");
        if (Directory.Exists(folder))
            return folder;
        if (Node is null || Find("npm") is not { } npm)
        {
            whyNot = "node and npm are not installed.";
            return null;
        }
        // Beside it, so that it becomes the folder in one step: another process may be doing the same.
        string work = $"{folder}.{Guid.NewGuid():N}";
        Directory.CreateDirectory(work);
        try
        {
            var start = new ProcessStartInfo(npm, ["install", "--prefix", work, "--no-audit", "--no-fund", "--loglevel", "error", $"{name}@{version}"])
            {
                WorkingDirectory = work,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            if (!process.WaitForExit(s_limit))
                process.Kill(entireProcessTree: true);
            if (!process.HasExited || process.ExitCode != 0)
            {
                whyNot = $"npm cannot install {name} {version}: no registry that has it can be reached.";
                return null;
            }
            try
            {
                Directory.Move(work, folder);
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                // The other one was first.
            }
            return folder;
        }
        finally
        {
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
        }
    }

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
