using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;

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

    /// <summary>
    /// Remove locks whose file cannot be read too, such as one of 0 bytes that a power cut left. It is not known whose they
    /// are: make sure that no command works on the repository.
    /// </summary>
    [Parameter]
    public SwitchParameter Unreadable { get; set; }

    /// <summary>Do not ask before -All.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process()
    {
        string location = Connection.Location;
        if (!ShouldProcess(location, All ? "Remove all locks" : Unreadable ? "Remove stale locks and those that cannot be read" : "Remove stale locks"))
            return;
        if (All && MustAsk()
            && !ShouldContinue($"Locks of running commands are removed from '{location}' too; those commands will fail.", "Remove all locks"))
        {
            return;
        }
        (IReadOnlyList<RepositoryLockInfo> removed, IReadOnlyList<RepositoryLockInfo> kept) = RunInBackground("Unlocking the repository",
            _ => Opened.RemoveLocks(found => All || found.IsStale || (Unreadable && !found.IsReadable), Stop));
        WriteObject(removed, enumerateCollection: true);
        foreach (RepositoryLockInfo found in kept)
        {
            if (!found.IsReadable)
                WriteWarning($"The lock {found.Id} cannot be read and stays; it keeps every command off. When no command works on the repository, run Unlock-ImageRepository -Unreadable.");
            else
                WriteVerbose($"The lock {found.Id} of process {found.ProcessId} of {found.UserName} on {found.ComputerName} is in use and stays.");
        }
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
