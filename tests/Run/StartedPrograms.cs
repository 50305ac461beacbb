using System;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Run;

/// <summary>
/// What the tests start some thousand times: PowerShell and the Host, each a copy with what it is made of compiled ahead, in a folder that
/// goes with the run. Tests that are run by themselves start them as they were restored and built.
/// </summary>
internal sealed class StartedPrograms : IDisposable
{
    private readonly string _directory = Directory.CreateDirectory(Dotnet.Temporary("programs")).FullName;

    /// <param name="powerShell">pwsh.dll as the tool's package has it; null: there is none.</param>
    public StartedPrograms(string root, string? powerShell)
    {
        if (powerShell is not null)
            PowerShell = Path.Combine(Copy(Path.GetDirectoryName(powerShell)!, "powershell"), Path.GetFileName(powerShell));
        string host = Path.Combine(root, "src", "ImageBackup.Host", "bin", "Release", "net10.0");
        if (!File.Exists(Path.Combine(host, "ImageBackup.Host")))
            return;
        string copy = Copy(host, "host");
        CompiledAhead.TakeModule(root, Path.Combine(copy, "Modules", "ImageBackup", "net10.0"));
        Host = Path.Combine(copy, "ImageBackup.Host");
    }

    /// <summary>pwsh.dll.</summary>
    public string? PowerShell { get; }

    public string? Host { get; }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Copy(string source, string name)
    {
        string target = Path.Combine(_directory, name);
        CompiledAhead.Copy(source, target, "linux", PesterSuite.PackageRoot, [RuntimeEnvironment.GetRuntimeDirectory()], out string? whyNot);
        if (whyNot is not null)
            Dotnet.WriteLine($"The {name} is not all compiled ahead, so that the tests take longer: {whyNot}");
        return target;
    }
}
