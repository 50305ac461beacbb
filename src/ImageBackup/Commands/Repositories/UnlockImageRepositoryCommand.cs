using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Platform;

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
        IReadOnlyList<RepositoryLockInfo> found = RunInBackground("Reading the locks", _ => Opened.Locks(isTolerant: true));
        if (All && !IsWhatIf && MustAsk()
            && !ShouldContinue($"Locks of running commands are removed from '{location}' too; those commands will fail.", "Remove all locks"))
        {
            return;
        }
        var chosen = new HashSet<string>(
            found.Where(IsToGo).Where(held => ShouldProcess(location, $"Remove {Describe(held)}")).Select(held => held.Id), StringComparer.Ordinal);
        // Looked at again: a lock that was stale may have been renewed meanwhile.
        IReadOnlyList<RepositoryLockInfo> removed = chosen.Count == 0
            ? []
            : RunInBackground("Unlocking the repository", _ => Opened.RemoveLocks(held => chosen.Contains(held.Id) && IsToGo(held), Stop)).Removed;
        WriteObject(removed, enumerateCollection: true);
        if (!found.Any(IsToGo))
            WriteVerbose($"{location}: no lock is to be removed.");
        foreach (RepositoryLockInfo kept in found.Where(held => !IsToGo(held)))
        {
            if (!kept.IsReadable)
                WriteWarning($"The lock {kept.Id} cannot be read and stays; it keeps every command off. When no command works on the repository, run Unlock-ImageRepository -Unreadable.");
            else
                WriteVerbose($"The lock {kept.Id} of process {kept.ProcessId} of {kept.UserName} on {kept.ComputerName} is in use and stays.");
        }
    }

    private bool IsToGo(RepositoryLockInfo held) => All || held.IsStale || (Unreadable && !held.IsReadable);

    private static string Describe(RepositoryLockInfo held) => held.IsReadable
        ? $"the {(held.IsStale ? "stale " : "")}lock {DisplayText.ShortId(held.Id)}, {(held.IsExclusive ? "exclusive" : "shared")}, of process {held.ProcessId} of {held.UserName} on {held.ComputerName}, since {DisplayText.Second(held.Time)}"
        : $"the lock {DisplayText.ShortId(held.Id)}, which cannot be read";

    /// <summary>
    /// -All has a high impact and the plain command has not, and PowerShell knows one impact a cmdlet: so this asks
    /// itself, by the same preference. An explicit -Confirm was answered already.
    /// </summary>
    private bool MustAsk()
    {
        if (Force || IsGiven("Confirm"))
            return false;
        return GetVariableValue("ConfirmPreference") is not { } preference
            || !LanguagePrimitives.TryConvertTo(preference, out ConfirmImpact impact)
            || (impact != ConfirmImpact.None && impact <= ConfirmImpact.High);
    }
}
