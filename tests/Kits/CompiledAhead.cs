using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageBackup.Tests.Kits;

/// <summary>
/// PowerShell compiled ahead, as Microsoft's installers bring it. That of the .NET tool and that of the SDK's package are not, and
/// compile some 6,000 methods of their own in each process before its first command: most of what a test that starts one takes. The
/// same source, so the same behaviour; the compiler is the one that the module is laid out with (src/ImageBackup.Ahead).
/// What was compiled is kept in the user's cache, by the bytes that it was made of.
/// </summary>
internal static class CompiledAhead
{
    private static readonly string[] s_assemblies =
    [
        "System.Management.Automation", "Microsoft.PowerShell.ConsoleHost", "Microsoft.PowerShell.Commands.Management", "Microsoft.PowerShell.Commands.Utility", "Microsoft.PowerShell.Security",
    ];

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>Copies a folder and what is below it, file by file.</summary>
    /// <param name="of">The file to copy in the place of each; null: itself.</param>
    public static void Copy(string source, string target, Func<string, string?>? of = null)
    {
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(of?.Invoke(file) ?? file, to);
        }
    }

    /// <summary>
    /// Copies a folder that holds PowerShell's assemblies, in it or below it, each that it has compiled ahead. Where the compiler is not
    /// there, or one cannot be compiled, the copy has what the folder has: it does the same, later.
    /// </summary>
    /// <param name="system">linux or windows, as the compiler calls it; x64.</param>
    /// <param name="packages">The package client's folder of packages.</param>
    /// <param name="frameworks">Folders of the framework's assemblies for that system.</param>
    /// <param name="whyNot">Why something is not compiled ahead; null: all is.</param>
    public static void Copy(string source, string target, string system, string packages, IReadOnlyList<string> frameworks, out string? whyNot)
    {
        string? compiler = Compiler(packages), why = null;
        if (compiler is null)
            why = $"the package microsoft.netcore.app.crossgen2.linux-x64 is not in {packages}";
        // The SDK's package brings the other system's beside them.
        string other = system == "linux" ? "/win/" : "/unix/";
        Copy(source, target, file => compiler is not null && !Path.GetRelativePath(source, file).Contains(other, StringComparison.Ordinal) && Path.GetExtension(file) == ".dll" && s_assemblies.Contains(Path.GetFileNameWithoutExtension(file), StringComparer.Ordinal)
            ? Image(file, system, compiler, frameworks, ref why) : null);
        whyNot = why;
    }

    /// <summary>
    /// Puts what the laid-out module (output/) has of its own assemblies for this system in the place of the very ones that it was
    /// made of, in a folder.
    /// </summary>
    public static void TakeModule(string root, string folder)
    {
        string output = Path.Combine(root, "output", "ImageBackup"), system = $"linux-{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant();
        foreach (string image in Directory.Exists(output) ? Directory.GetFiles(output, "*.dll", SearchOption.AllDirectories).Where(file => Path.GetFileName(Path.GetDirectoryName(file)) == system) : [])
        {
            string portable = Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(image))!, Path.GetFileName(image)), own = Path.Combine(folder, Path.GetFileName(image));
            if (File.Exists(own) && File.Exists(portable) && File.ReadAllBytes(own).AsSpan().SequenceEqual(File.ReadAllBytes(portable)))
                File.Copy(image, own, overwrite: true);
        }
    }

    /// <summary>The newest that there is; it runs on this system and compiles for any.</summary>
    private static string? Compiler(string packages)
    {
        string folder = Path.Combine(packages, "microsoft.netcore.app.crossgen2.linux-x64");
        return !OperatingSystem.IsLinux() || !Directory.Exists(folder) ? null
            : Directory.GetDirectories(folder).Where(version => Version.TryParse(Path.GetFileName(version), out _)).OrderByDescending(version => Version.Parse(Path.GetFileName(version)))
                .Select(version => Path.Combine(version, "tools", "crossgen2")).FirstOrDefault(File.Exists);
    }

    private static string? Image(string assembly, string system, string compiler, IReadOnlyList<string> frameworks, ref string? whyNot)
    {
        string content = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(assembly)))[..32];
        string version = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(compiler)))!;
        string folder = Path.Combine(UserFolder.Path is { Length: > 1 } home ? home : Path.GetTempPath(), ".cache", "imagebackup-tests", "ahead", $"{system}-{version}");
        string image = Path.Combine(folder, content, Path.GetFileName(assembly));
        if (File.Exists(image))
            return image;
        Directory.CreateDirectory(Path.GetDirectoryName(image)!);
        // Beside it, so that it is there whole or not at all: another process may be doing the same.
        string made = $"{image}.{Guid.NewGuid():N}";
        var start = new ProcessStartInfo(compiler, [assembly, "-o:" + made, "--targetos:" + system, "--targetarch:x64", "-O",
            .. frameworks.Append(Path.GetDirectoryName(assembly)!).Select(references => "-r:" + Path.Combine(references, "*.dll"))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        var said = new List<string>();
        void Take(string? line)
        {
            if (line is null)
                return;
            lock (said)
                said.Add(line);
        }
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(s_limit))
            process.Kill();
        process.WaitForExit();
        if (process.ExitCode == 0 && File.Exists(made))
        {
            File.Move(made, image, overwrite: true);
            return image;
        }
        File.Delete(made);
        lock (said)
            whyNot = $"{Path.GetFileName(assembly)} could not be compiled: {string.Join(" ", said.TakeLast(3))}";
        return null;
    }
}
