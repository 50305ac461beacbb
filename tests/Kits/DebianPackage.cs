using System;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Kits;

/// <summary>
/// A Debian package that is fetched and unpacked beside, and not installed: one that conflicts with an installed one, is large, or is
/// of another release. Kept in the user's cache from run to run.
/// </summary>
internal static class DebianPackage
{
    private const string Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    private const string Mirror = "http://deb.debian.org/debian";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private static string Cache => Path.Combine(UserFolder.Path is { Length: > 1 } home ? home : Path.GetTempPath(), ".cache", "imagebackup-tests");

    /// <summary>The folder that the package's files lie in, as below /; null if it cannot be had, and <paramref name="whyNot"/> says why.</summary>
    /// <param name="name">The package's name, or that of one which depends on it, with <paramref name="dependency"/>.</param>
    /// <param name="release">Another release than the machine's own, by its code name. The machine's own sources are left alone.</param>
    /// <param name="dependency">The beginning of the name of a package that <paramref name="name"/> depends on, which is meant.</param>
    public static string? Unpack(string name, out string whyNot, string? release = null, string? dependency = null)
    {
        whyNot = "";
        string folder = Path.Combine(Cache, release is null ? name : $"{name}-{release}");
        if (Directory.Exists(folder))
            return folder;
        if (!File.Exists("/usr/bin/apt-get"))
        {
            whyNot = $"this is not a Debian to fetch the package {name} from";
            return null;
        }
        Directory.CreateDirectory(Cache);
        // Beside it, so that it becomes the folder in one step: another process may be doing the same.
        string work = Path.Combine(Cache, $"{Path.GetFileName(folder)}.{Guid.NewGuid():N}"), content = Path.Combine(work, "content");
        Directory.CreateDirectory(content);
        try
        {
            if (Download(work, name, release, dependency) is not { } file)
            {
                whyNot = $"the package {name}{(release is null ? "" : " of " + release)} cannot be fetched";
                return null;
            }
            if (Run(work, "dpkg-deb", "-x", file, content) != 0)
            {
                whyNot = $"{file} cannot be unpacked";
                return null;
            }
            try
            {
                Directory.Move(content, folder);
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                // The other one was first.
            }
            return folder;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string? Download(string work, string name, string? release, string? dependency)
    {
        string[] options = release is null ? [] : Options(work, release);
        // The machine's own lists may be there and good enough, old, or empty.
        for (int attempt = release is null ? 0 : 1; attempt < 2; attempt++)
        {
            if (attempt == 1)
                _ = Run(work, "apt-get", [.. options, "-qq", "update"]);
            string package = dependency is null ? name : Dependency(work, options, name, dependency) ?? name;
            _ = Run(work, "apt-get", [.. options, "-qq", "download", package]);
            if (Directory.GetFiles(work, "*.deb").FirstOrDefault() is { } file)
                return file;
        }
        return null;
    }

    /// <summary>Lists and state of their own; proxies and the like stay the machine's.</summary>
    private static string[] Options(string work, string release)
    {
        foreach (string folder in new[] { "state/lists/partial", "cache/archives/partial" })
            Directory.CreateDirectory(Path.Combine(work, folder));
        string sources = Path.Combine(work, "sources.list");
        File.WriteAllText(sources, $"deb {(File.Exists(Keyring) ? $"[signed-by={Keyring}] " : "")}{Mirror} {release} main\n");
        return
        [
            "-o", $"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=-", "-o", $"Dir::State={work}/state", "-o", $"Dir::Cache={work}/cache",
            "-o", "Acquire::Languages=none", "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", "-o", "APT::Sandbox::User=root",
        ];
    }

    private static string? Dependency(string work, string[] options, string name, string beginning)
    {
        string output = Path.Combine(work, "depends");
        _ = Run(work, "/bin/sh", ["-c", "apt-cache \"$@\" > \"$0\"", output, .. options, "depends", name]);
        return File.ReadLines(output).Select(line => line.Trim())
            .FirstOrDefault(line => line.StartsWith("Depends: " + beginning, StringComparison.Ordinal))?["Depends: ".Length..];
    }

    private static int Run(string directory, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            return -1;
        }
        return process.ExitCode;
    }
}
