using System;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Reflection;

namespace ImageBackup.Host;

/// <summary>What the engine sees of this process.</summary>
internal sealed class ConsoleHost(ConsoleUserInterface ui) : PSHost
{
    private readonly ConsoleUserInterface _ui = ui;

    /// <summary>The exit code of 'exit'; null before it.</summary>
    public int? RequestedExitCode { get; private set; }

    public static string VersionText =>
        $"ImageBackup {typeof(ConsoleHost).Assembly.GetName().Version?.ToString(3)}, PowerShell engine {EngineVersion}, .NET {Environment.Version}";

    private static string EngineVersion
    {
        get
        {
            string text = typeof(PSObject).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
            int end = text.IndexOfAny([' ', '+']);
            return end < 0 ? text : text[..end];
        }
    }

    public override string Name => "ImageBackup.Host";
    public override Version Version => typeof(ConsoleHost).Assembly.GetName().Version ?? new Version(0, 0);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override PSHostUserInterface UI => _ui;
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override void SetShouldExit(int exitCode) => RequestedExitCode = exitCode;

    public override void EnterNestedPrompt() =>
        throw new NotSupportedException("This console has no nested prompts.");

    public override void ExitNestedPrompt()
    {
    }

    // A native program may draw over the progress line.
    public override void NotifyBeginApplication() => _ui.ClearProgress();

    public override void NotifyEndApplication()
    {
    }
}
