using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using ImageBackup.Loader;
using Microsoft.PowerShell;

namespace ImageBackup.Host;

/// <summary>One runspace with the module in it, and the running of commands, scripts and the prompt.</summary>
internal sealed class ConsoleSession : IDisposable
{
    private readonly HostArguments _arguments;
    private readonly ConsoleUserInterface _ui;
    private readonly ConsoleHost _host;
    private readonly Runspace _runspace;
    private readonly Lock _gate = new();
    private readonly PosixSignalRegistration _terminate;
    private PowerShell? _running;
    private bool _isStopped;

    public ConsoleSession(HostArguments arguments)
    {
        _arguments = arguments;
        _ui = new ConsoleUserInterface(arguments.IsNonInteractive);
        _host = new ConsoleHost(_ui);

        var state = InitialSessionState.CreateDefault2();
        state.Commands.Add(new SessionStateCmdletEntry("Collect-Error", typeof(CollectErrorCommand), null)
        {
            Visibility = SessionStateEntryVisibility.Public,
        });
        // This console exists to run one module; a machine's policy for scripts at large still wins where an
        // administrator has set it by group policy.
        if (OperatingSystem.IsWindows())
            state.ExecutionPolicy = ExecutionPolicy.Bypass;
        _runspace = RunspaceFactory.CreateRunspace(_host, state);

        Console.CancelKeyPress += OnCancelKey;
        // A service manager's stop must not leave a lock behind either.
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = TryStop());
    }

    /// <summary>Opens the runspace and imports the module; reports the error and returns false if that fails.</summary>
    public bool Open()
    {
        _runspace.Open();
        Runspace.DefaultRunspace = _runspace;
        if (!File.Exists(ModuleFolder.Manifest))
        {
            _ui.WriteErrorLine($"The module is missing: there is no '{ModuleFolder.Manifest}'.");
            return false;
        }
        ModuleLoader.Serve(ModuleFolder.Assemblies);
        return Run(shell => shell.AddCommand("Import-Module").AddParameter("Name", ModuleFolder.Manifest)) == ExitCode.Success;
    }

    public int RunCommand(string text) => ExitCodeOf(Run(shell => shell.AddScript(text, useLocalScope: false)));

    /// <summary>Runs a script with its arguments: those that begin with a dash are parameter names, as in pwsh.</summary>
    public int RunFile(string path, IReadOnlyList<string> arguments)
    {
        string full = Path.GetFullPath(path);
        if (!File.Exists(full))
        {
            _ui.WriteErrorLine($"There is no script '{full}'.");
            return ExitCode.Failure;
        }
        // As a script block, because 'exit n' in a script that is called by its path leaves only that script.
        ScriptBlockAst script = Parser.ParseFile(full, out _, out ParseError[] errors);
        if (errors.Length > 0)
        {
            Show(new ParseException(errors).ErrorRecord);
            return ExitCode.Failure;
        }
        var line = new StringBuilder("param($script) & $script");
        foreach (string argument in arguments)
        {
            bool isParameter = argument is ['-', var first, ..] && char.IsLetter(first);
            line.Append(' ').Append(isParameter ? argument : $"'{CodeGeneration.EscapeSingleQuotedStringContent(argument)}'");
        }
        return ExitCodeOf(Run(shell => shell.AddScript(line.ToString(), useLocalScope: true).AddArgument(script.GetScriptBlock())));
    }

    public int RunPrompt()
    {
        if (_arguments.HasLogo && !Console.IsInputRedirected)
        {
            _ui.WriteLine(ConsoleHost.VersionText);
            _ui.WriteLine("Get-Command -Module ImageBackup lists the commands; exit leaves.");
        }
        var editor = new LineEditor(_ui.RawUI);
        int code = ExitCode.Success;
        while (_host.RequestedExitCode is null)
        {
            string? text = ReadStatement(editor);
            if (text is null)
                break;
            if (text.Trim().Length == 0)
                continue;
            code = Run(shell => shell.AddScript(text, useLocalScope: false), addToHistory: true);
            if (code == ExitCode.Cancelled)
                code = ExitCode.Failure;
        }
        // At a prompt the errors were seen; input from a pipe is a script, and its last statement counts.
        return _host.RequestedExitCode ?? (Console.IsInputRedirected ? code : ExitCode.Success);
    }

    public void Dispose()
    {
        Console.CancelKeyPress -= OnCancelKey;
        _terminate.Dispose();
        _runspace.Dispose();
        _ui.ClearProgress();
    }

    /// <summary>Runs a pipeline, shows what comes out, and gives the exit code that its errors mean.</summary>
    private int Run(Func<PowerShell, PowerShell> build, bool addToHistory = false)
    {
        using var shell = PowerShell.Create(_runspace);
        int code = ExitCode.Success;
        build(shell);
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Collect-Error").AddParameter(
            "OnError", new Action<ErrorRecord>(error => code = ExitCode.Worse(code, ExitCode.Of(error))));
        shell.AddCommand("Out-Default");
        lock (_gate)
        {
            _isStopped = false;
            _running = shell;
        }
        try
        {
            shell.Invoke(null, new PSInvocationSettings { AddToHistory = addToHistory });
        }
        catch (PipelineStoppedException)
        {
            code = ExitCode.Cancelled;
        }
        catch (RuntimeException failure)
        {
            code = ExitCode.Worse(code, failure is ParseException ? ExitCode.Failure : ExitCode.Of(failure.ErrorRecord));
            Show(failure.ErrorRecord);
        }
        finally
        {
            lock (_gate)
            {
                _running = null;
                if (_isStopped)
                    code = ExitCode.Cancelled;
            }
            _ui.ClearProgress();
        }
        return code;
    }

    /// <summary>Shows the error that ended a pipeline as the engine shows errors.</summary>
    private void Show(ErrorRecord error)
    {
        using var shell = PowerShell.Create(_runspace);
        var record = PSObject.AsPSObject(error);
        ErrorStreamMark.Put(record);
        try
        {
            shell.AddCommand("Out-Default").Invoke(new[] { record });
        }
        catch (RuntimeException)
        {
            _ui.WriteErrorLine(error.ToString());
        }
    }

    private int ExitCodeOf(int code) => code == ExitCode.Cancelled ? code : _host.RequestedExitCode ?? code;

    /// <summary>Reads lines until they are a whole statement; null at the end of input.</summary>
    private static string? ReadStatement(LineEditor editor)
    {
        var text = new StringBuilder();
        while (true)
        {
            string? line = editor.Read(text.Length == 0 ? "ImageBackup> " : ">> ");
            if (line is null)
                return text.Length > 0 ? text.ToString() : null;
            if (line == LineEditor.Abandoned)
                return "";
            text.Append(text.Length == 0 ? "" : "\n").Append(line);
            Parser.ParseInput(text.ToString(), out _, out ParseError[] errors);
            bool isIncomplete = Array.Exists(errors, e => e.IncompleteInput);
            // An empty line ends a statement that the parser would go on waiting for.
            if (!isIncomplete || (line.Length == 0 && text.Length > 0))
                return text.ToString();
        }
    }

    /// <summary>The first Ctrl+C stops the pipeline and waits for it to clean up; the second ends the process.</summary>
    private void OnCancelKey(object? sender, ConsoleCancelEventArgs e) => e.Cancel = TryStop();

    private bool TryStop()
    {
        lock (_gate)
        {
            if (_running is null || _isStopped)
                return false;
            _isStopped = true;
            _running.BeginStop(null, null);
            return true;
        }
    }
}
