using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Wine;

/// <summary>
/// The real PowerShell for Windows: the .NET tool's package holds it beside the one for Linux. A copy of it is compiled ahead, as
/// Microsoft's installer brings it. Its runtime is made of the runtime packs, which stay where the package client put them; only links are made.
/// </summary>
public sealed partial class WindowsPowerShell
{
    private readonly string _directory;
    private readonly string _program;
    private readonly Func<string, string[], ProcessStartInfo> _wine;

    /// <param name="directory">For the runtime's links and the scripts.</param>
    /// <param name="wine">Starts a program in Wine's prefix.</param>
    internal WindowsPowerShell(string root, string directory, Func<string, string[], ProcessStartInfo> wine)
    {
        _wine = wine;
        _directory = Directory.CreateDirectory(Path.Combine(directory, "powershell")).FullName;
        var restore = new ProcessStartInfo("dotnet", ["tool", "restore", "-v", "quiet"]) { WorkingDirectory = root };
        restore.Environment["HOME"] = UserFolder.Path;
        (int exitCode, string text) = Tool.Try(restore, TimeSpan.FromMinutes(10));
        if (exitCode != 0)
            throw new InvalidOperationException("PowerShell could not be restored: " + text);
        string version = Version().Match(File.ReadAllText(Path.Combine(root, ".config", "dotnet-tools.json"))).Groups[1].Value;
        LinkRuntime();
        string frameworks = Path.Combine(_directory, "dotnet", "shared"), copy = Path.Combine(_directory, "pwsh");
        CompiledAhead.Copy(Path.Combine(Metadata("PackageRoot"), "powershell", version, "tools", "net10.0", "any", "win"), copy, "windows", Metadata("PackageRoot"),
            [.. Directory.GetDirectories(frameworks).Select(framework => Directory.GetDirectories(framework)[0])], out _);
        _program = Path.Combine(copy, "pwsh.exe");
    }

    /// <summary>The folder of Pester, as a Windows path.</summary>
    public static string Pester => WineHost.Windows(Path.Combine(Metadata("PackageRoot"), "pester", Metadata("Pester"), "tools"));

    /// <summary>Runs a script; gives its exit code, and all that it wrote, without the terminal's own codes.</summary>
    /// <param name="traced">A channel of Wine's debug output that is wanted too: "eventlog".</param>
    /// <param name="variables">More of its environment.</param>
    /// <param name="goesOn">A text in its output that begins the time anew.</param>
    public (int ExitCode, string Output) Run(string script, TimeSpan limit, string? traced = null, IReadOnlyDictionary<string, string>? variables = null, string? goesOn = null)
    {
        string file = Path.Combine(_directory, $"script-{Guid.NewGuid():N}.ps1");
        File.WriteAllText(file, script, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        ProcessStartInfo wine = _wine(_program, ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", WineHost.Windows(file)]);
        wine.Environment["DOTNET_ROOT"] = WineHost.Windows(Path.Combine(_directory, "dotnet"));
        foreach ((string name, string value) in variables ?? new Dictionary<string, string>())
            wine.Environment[name] = value;
        if (traced is not null)
            wine.Environment["WINEDEBUG"] = $"-all,+{traced}";
        return RunInTerminal(wine, limit, goesOn);
    }

    /// <summary>Runs a program that uses PowerShell's console host; gives its exit code, and all that it wrote, without the terminal's own codes.</summary>
    public static (int ExitCode, string Output) RunInTerminal(ProcessStartInfo wine, TimeSpan limit, string? goesOn = null)
    {
        // Wine's console needs a terminal: without one the console host ends at once. It is wide, so that no line is wrapped.
        var start = new ProcessStartInfo("script", ["-qec", "stty cols 400; exec " + string.Join(' ', wine.ArgumentList.Prepend(wine.FileName).Select(Quote)), "/dev/null"]);
        start.Environment.Clear();
        // The runtime's variables speak of this machine's own .NET.
        foreach ((string name, string? value) in wine.Environment.Where(v => v.Key != "DOTNET_HOST_PATH" && (!v.Key.StartsWith("DOTNET_ROOT", StringComparison.Ordinal) || v.Value?.StartsWith("Z:", StringComparison.Ordinal) == true)))
            start.Environment[name] = value;
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        start.Environment["TERM"] = "xterm";
        (int exitCode, string output) = Tool.Try(start, limit, goesOn);
        return (exitCode, Plain(output));
    }

    /// <summary>Without the terminal's own codes, and without what Wine says of itself.</summary>
    public static string Plain(string output) =>
        string.Join('\n', TerminalCode().Replace(output, "").Split('\n').Select(line => line.TrimEnd('\r')).Where(line => !line.StartsWith("wine: ", StringComparison.Ordinal)));

    private static string Quote(string text) => "'" + text.Replace("'", @"'\''", StringComparison.Ordinal) + "'";

    private void LinkRuntime()
    {
        string version = Metadata("RuntimeVersion");
        foreach ((string pack, string framework) in new[] { ("microsoft.netcore.app", "Microsoft.NETCore.App"), ("microsoft.windowsdesktop.app", "Microsoft.WindowsDesktop.App") })
        {
            string source = Path.Combine(Metadata("PackageRoot"), pack + ".runtime.win-x64", version, "runtimes", "win-x64");
            string target = Path.Combine(_directory, "dotnet", "shared", framework, version);
            Link(Path.Combine(source, "lib", "net10.0"), target, "*");
            Link(Path.Combine(source, "native"), target, "*");
            Link(Path.Combine(source, "native"), Path.Combine(_directory, "dotnet", "host", "fxr", version), "hostfxr.dll");
        }
    }

    private static void Link(string source, string target, string pattern)
    {
        if (!Directory.Exists(source))
            return;
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(source, pattern))
        {
            string link = Path.Combine(target, Path.GetFileName(file));
            if (!File.Exists(link))
                File.CreateSymbolicLink(link, file);
        }
    }

    private static string Metadata(string key) =>
        typeof(WindowsPowerShell).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(a => a.Key == key).Value ?? "";

    [GeneratedRegex("""
        "version": "([^"]+)"
        """)]
    private static partial Regex Version();

    [GeneratedRegex("\u001b(\\[[0-9;?]*[A-Za-z]|\\][^\u0007]*\u0007)")]
    private static partial Regex TerminalCode();
}
