using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>Removes the locks that dead processes left; with -All every lock.</summary>
[Cmdlet(VerbsCommon.Unlock, "ImageRepository", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryLockInfo))]
public sealed class UnlockImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>Remove living processes' locks too: their backups then fail.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <summary>Do not ask before -All.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process()
    {
        string location = Connection.Location;
        if (!ShouldProcess(location, All ? "Remove all locks" : "Remove stale locks"))
            return;
        if (All && MustAsk()
            && !AskToContinue(ErrorId.RepositoryLocked, $"Locks of running commands are removed from '{location}' too; those commands will fail.", "Remove all locks"))
        {
            return;
        }
        IReadOnlyList<RepositoryLockInfo> removed =
            RunPumped("Unlocking the repository", _ => Opened.RemoveLocks(All, Stop));
        WriteObject(removed, enumerateCollection: true);
    }

    /// <summary>
    /// -All has a high impact and the plain command has not, and PowerShell knows one impact a cmdlet: so this asks
    /// itself, by the same preference. An explicit -Confirm was answered already.
    /// </summary>
    private bool MustAsk()
    {
        if (Force || MyInvocation.BoundParameters.ContainsKey("Confirm"))
            return false;
        return GetVariableValue("ConfirmPreference") is not { } preference
            || !LanguagePrimitives.TryConvertTo(preference, out ConfirmImpact impact)
            || (impact != ConfirmImpact.None && impact <= ConfirmImpact.High);
    }
}
