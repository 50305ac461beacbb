using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>
/// What importing the module costs a session that has just begun, beside a module with compiled cmdlets that PowerShell brings itself
/// (Microsoft.PowerShell.PSResourceGet): processor time, the two by turns, each in a process of its own.
/// </summary>
internal static class ModuleImport
{
    private const string Peer = "Microsoft.PowerShell.PSResourceGet";

    /// <param name="pwsh">pwsh, or the pwsh.dll of the .NET tool.</param>
    /// <param name="runs">Of each module; the median counts.</param>
    public static void Run(string pwsh, int runs)
    {
        string manifest = FindManifest();
        List<double> ours = [], theirs = [];
        for (int run = 0; run < runs; run++)
        {
            ours.Add(Milliseconds(pwsh, manifest));
            theirs.Add(Milliseconds(pwsh, Peer));
        }
        double median = Median(ours), peer = Median(theirs);
        Console.WriteLine(FormattableString.Invariant($"import     {median:F0} ms of processor time; {Peer} {peer:F0} ms ({peer / median:F2}x)"));
    }

    private static double Milliseconds(string pwsh, string module)
    {
        string script = "$before = [Diagnostics.Process]::GetCurrentProcess().TotalProcessorTime; "
            + $"Import-Module '{module.Replace("'", "''", StringComparison.Ordinal)}'; "
            + "([Diagnostics.Process]::GetCurrentProcess().TotalProcessorTime - $before).TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)";
        bool isTool = pwsh.EndsWith(".dll", StringComparison.Ordinal);
        string[] arguments = ["-NoProfile", "-NonInteractive", "-Command", script];
        return double.Parse(Tool.Run(isTool ? "dotnet" : pwsh, isTool ? [pwsh, .. arguments] : arguments).Trim(), CultureInfo.InvariantCulture);
    }

    public static string FindManifest()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string output = Path.Combine(at.FullName, "output", "ImageBackup");
            if (Directory.Exists(output) && Directory.GetFiles(output, "ImageBackup.psd1", SearchOption.AllDirectories) is [.., var manifest])
                return manifest;
        }
        throw new FileNotFoundException("Lay the module out first: dotnet build src/ImageBackup -t:LayOutModule -c Release");
    }
}
