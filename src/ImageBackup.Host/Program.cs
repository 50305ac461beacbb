using System;
using System.Management.Automation.Runspaces;
using System.Reflection;
using ImageBackup.Loader;
using Microsoft.PowerShell;

namespace ImageBackup.Host;

/// <summary>PowerShell's own console with the ImageBackup module in it, and restic's exit codes.</summary>
internal static class Program
{
    private const string HelpText = """
        ImageBackup.Host: PowerShell with the ImageBackup module imported.

        Its switches are those of pwsh: -Command, -File, -EncodedCommand, -NonInteractive, -NoLogo, -NoProfile, -WorkingDirectory ...
        'Get-Help about_Pwsh' describes them.

        Exit codes: 0 done; 1 failed; 3 some data could not be read; 10 no repository; 11 the repository is locked;
        12 wrong password; 130 cancelled. A script's 'exit n' is n. 'Get-Help about_ImageBackup_Schedule' says how a run
        with several errors is decided.

        """;

    private static int Main(string[] args)
    {
        SetDefault("POWERSHELL_TELEMETRY_OPTOUT", "1");
        SetDefault("POWERSHELL_UPDATECHECK", "Off");
        // The engine would listen on a socket for debuggers that want to enter this process, which is often root's.
        SetDefault("POWERSHELL_DIAGNOSTICS_OPTOUT", "1");
        // This program exists to run one module. A group policy and the switch -ExecutionPolicy still win.
        if (OperatingSystem.IsWindows())
            SetDefault("PSExecutionPolicyPreference", "Bypass");

        // A log is a file for people and programs: no colour codes in it.
        if (Console.IsOutputRedirected && Console.IsErrorRedirected)
            SetDefault("NO_COLOR", "1");

        ModuleLoader.Serve(ModuleFolder.Assemblies);
        var state = InitialSessionState.CreateDefault2();
        state.ImportPSModule([ModuleFolder.Manifest]);
        RunRecord.Attach(state);
        int code = ConsoleShell.Start(state, Banner, HelpText, args);
        return RunRecord.ExitCodeOf(code);
    }

    private static string Banner =>
        $"ImageBackup {typeof(Program).Assembly.GetName().Version?.ToString(3)} in PowerShell {EngineVersion}. Get-Command -Module ImageBackup lists the commands.";

    private static string EngineVersion
    {
        get
        {
            string text = typeof(ConsoleShell).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
            int end = text.IndexOfAny([' ', '+']);
            return end < 0 ? text : text[..end];
        }
    }

    private static void SetDefault(string variable, string value)
    {
        if (Environment.GetEnvironmentVariable(variable) is null)
            Environment.SetEnvironmentVariable(variable, value);
    }
}
