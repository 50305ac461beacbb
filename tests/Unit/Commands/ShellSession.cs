using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using ImageBackup.Commands;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>What a pipeline put out.</summary>
internal sealed record ShellResult(
    IReadOnlyList<PSObject> Output,
    IReadOnlyList<ErrorRecord> Errors,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<string> Verbose,
    string Text)
{
    public T Single<T>() => Assert.IsType<T>(Assert.Single(Output).BaseObject);

    /// <summary>The stable id of the only error.</summary>
    public string ErrorId => Ids.Single();
    public IEnumerable<string> Ids => Errors.Select(e => e.FullyQualifiedErrorId.Split(',')[0]);

    public ShellResult WithoutErrors()
    {
        Assert.True(Errors.Count == 0, string.Join(Environment.NewLine, Errors.Select(e => e.FullyQualifiedErrorId + ": " + e.Exception)));
        return this;
    }
}

/// <summary>A runspace of the real engine with the cmdlets in it.</summary>
internal sealed class ShellSession : IDisposable
{
    private readonly Runspace _runspace;

    public ShellSession(params Type[] moreCmdlets)
    {
        var state = InitialSessionState.CreateDefault2();
        foreach (Type type in typeof(BackupVolumeImageCommand).Assembly.GetExportedTypes().Concat(moreCmdlets))
        {
            if (type.GetCustomAttributes(typeof(CmdletAttribute), false).FirstOrDefault() is CmdletAttribute cmdlet)
                state.Commands.Add(new SessionStateCmdletEntry(cmdlet.VerbName + "-" + cmdlet.NounName, type, null));
        }
        state.Types.Add(new SessionStateTypeEntry(SourceTree.TypesFile));
        state.Formats.Add(new SessionStateFormatEntry(SourceTree.FormatFile));
        _runspace = RunspaceFactory.CreateRunspace(Host, state);
        _runspace.Open();
    }

    public ScriptedHost Host { get; } = new();

    public void SetLocation(string directory) => _runspace.SessionStateProxy.Path.SetLocation(directory);

    public void Set(string name, object? value) => _runspace.SessionStateProxy.SetVariable(name, value);

    /// <summary>Starts a script and gives the shell, for stopping it.</summary>
    public PowerShell Prepare(string script)
    {
        var shell = PowerShell.Create(_runspace);
        shell.AddScript(script);
        return shell;
    }

    /// <summary>Runs a script; a terminating error is the last of the errors.</summary>
    public ShellResult Run(string script, params (string Name, object? Value)[] variables)
    {
        foreach ((string name, object? value) in variables)
            Set(name, value);
        using PowerShell shell = Prepare(script);
        Host.Console.Text.Clear();
        var output = new PSDataCollection<PSObject>();
        var errors = new List<ErrorRecord>();
        try
        {
            shell.Invoke(null, output);
        }
        catch (RuntimeException failure)
        {
            errors.Add(failure.ErrorRecord);
        }
        errors.InsertRange(0, shell.Streams.Error);
        return new ShellResult(
            [.. output],
            errors,
            [.. shell.Streams.Warning.Select(w => w.Message)],
            [.. shell.Streams.Verbose.Select(v => v.Message)],
            Host.Console.Text.ToString());
    }

    public void Dispose() => _runspace.Dispose();
}
