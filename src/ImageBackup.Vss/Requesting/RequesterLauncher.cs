using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Vss.Requesting;

/// <summary>
/// How the requester's process is started: the program that runs this module, with the requester as .NET's startup hook, which runs
/// before the program's own code. So it needs no other .NET than the one that is here, and is of this processor's kind.
/// </summary>
internal static class RequesterLauncher
{
    /// <summary>What the program would do if it did not know startup hooks: end at once. Says to people what the process is.</summary>
    private static readonly string[] s_arguments = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "exit # ImageBackup's VSS requester"];

    /// <summary>Why this process can have no requester, whatever VSS says; null if it can.</summary>
    public static string? WhyNot() =>
        WhyNot(RuntimeInformation.IsOSPlatform(OSPlatform.Windows), RuntimeInformation.ProcessArchitecture, RuntimeInformation.OSArchitecture);

    /// <summary>As above, for any machine. VSS has no emulation: a process must be of the system's own kind.</summary>
    internal static string? WhyNot(bool isWindows, Architecture process, Architecture system) =>
        !isWindows ? "this system is not Windows"
        : process == Architecture.X86 && system != Architecture.X86 ? "a 32-bit process cannot use the VSS of a 64-bit Windows; start the 64-bit PowerShell"
        : process is not (Architecture.X64 or Architecture.Arm64) ? $"the requester is for x64 and ARM64, and this process is {process}"
        : process != system ? $"a process for {process} cannot use the VSS of Windows for {system}; start the {system} PowerShell"
        : null;

    /// <summary>Its pipes are its standard streams.</summary>
    /// <exception cref="VssSupportException">It cannot be started.</exception>
    public static Process Start()
    {
        string requester = typeof(StartupHook).Assembly.Location;
        bool isFramework = RuntimeInformation.FrameworkDescription.StartsWith(".NET Framework", StringComparison.Ordinal);
        (string program, IReadOnlyList<string> arguments) = isFramework ? (requester, []) : Program();
        ProcessStartInfo start = ChildProcess.Prepare(program, arguments);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        if (!isFramework)
            start.Environment["DOTNET_STARTUP_HOOKS"] = requester;
        try
        {
            return Process.Start(start) ?? throw new VssSupportException(VssSupport.Hopeless, $"'{program}' cannot be started");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            throw new VssSupportException(VssSupport.Hopeless, $"'{program}' cannot be started: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <summary>
    /// The pwsh.exe beside the engine, which is there in every host but ours: a remote session's own process is Windows' (wsmprovhost).
    /// Without one, this process's own program.
    /// </summary>
    private static (string Program, IReadOnlyList<string> Arguments) Program()
    {
        string? engine = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(one => one.GetName().Name == "System.Management.Automation")?.Location;
        if (!string.IsNullOrEmpty(engine) && Path.Combine(Path.GetDirectoryName(engine)!, "pwsh.exe") is { } shell && File.Exists(shell))
            return (shell, s_arguments);
        using var own = Process.GetCurrentProcess();
        string program = own.MainModule?.FileName ?? throw new VssSupportException(VssSupport.Hopeless, "this process does not say which program it is");
        // A .NET tool: dotnet runs the program, which is the first argument.
        return string.Equals(Path.GetFileNameWithoutExtension(program), "dotnet", StringComparison.OrdinalIgnoreCase)
            ? (program, [Environment.GetCommandLineArgs()[0], .. s_arguments])
            : (program, s_arguments);
    }
}
