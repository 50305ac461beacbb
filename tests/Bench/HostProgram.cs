using System;

namespace ImageBackup.Bench;

/// <summary>The Host, by its executable or its dll.</summary>
internal sealed class HostProgram(string path)
{
    /// <summary>Runs a script in a Host of its own.</summary>
    public Measurement Run(string script)
    {
        (string program, string[] prefix) = path.EndsWith(".dll", StringComparison.Ordinal) ? ("dotnet", new[] { path }) : (path, Array.Empty<string>());
        return Tool.Measure(program, [.. prefix, "-NoLogo", "-NonInteractive", "-Command", script], Contenders.Secrets);
    }
}
