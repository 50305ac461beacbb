using System.Management.Automation;
using System.Security;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Changes the password that the repository was opened with. A crash leaves the old one or the new one, or both.</summary>
[Cmdlet(VerbsCommon.Set, "ImageRepositoryPassword", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryKeyInfo))]
public sealed class SetImageRepositoryPasswordCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>The new password; asked for twice if neither it nor its file is given.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? NewPassword { get; set; }

    /// <summary>A file that holds the new password, as Export-ImageRepositoryPassword writes it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? NewPasswordFile { get; set; }

    /// <summary>What the key is for; else the old key's label.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Label { get; set; }

    private protected override void Process()
    {
        string location = Connection.Location;
        bool isToDo = ShouldProcess(location, "Change the password");
        if (!isToDo && !IsWhatIf)
            return;
        using RepositoryPassword password = NewSecret(NewPassword, NewPasswordFile, location);
        if (!isToDo)
        {
            RunInBackground("Changing the password", _ => Opened.CheckNewPassword(password, Label));
            return;
        }
        WriteObject(RunInBackground("Changing the password", _ => Opened.ChangePassword(password, Label, Stop)));
        if (PasswordFile is not null)
            WriteWarning($"'{PasswordFile}' holds the old password. Write the new one with Export-ImageRepositoryPassword -Force.");
        else if (Password is null && PasswordSource.Variable() is { } variable)
            WriteWarning($"{variable} is set. If it gives the old password, change it too.");
    }
}
