using System.IO;
using System.Management.Automation;
using System.Security;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Writes a repository's password to a file that -PasswordFile takes and that only its user can read.</summary>
[Cmdlet(VerbsData.Export, "ImageRepositoryPassword", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportImageRepositoryPasswordCommand : BackgroundCmdlet
{
    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>The password; asked for twice if it is not given.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [ValidateNotNull]
    public SecureString? Password { get; set; }

    /// <summary>Windows: for whom the file is protected.</summary>
    [Parameter]
    public PasswordFileScope Scope { get; set; }

    /// <summary>Replace a file that exists.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process()
    {
        string path = ResolvePath(Path);
        bool isToDo = ShouldProcess(path, "Write a password file");
        if (!isToDo && !IsWhatIf)
            return;
        using RepositoryPassword password = Secret(path);
        if (!isToDo)
        {
            PasswordFile.ThrowIfUnfit(path, password, Scope, Force);
            return;
        }
        PasswordFile.Write(path, password, Scope, Force);
        WriteObject(new FileInfo(path));
    }

    private RepositoryPassword Secret(string path) =>
        (Password ?? PasswordPrompt.AskTwice(Host, $"Password for the file '{path}'")) is { } secret
            ? RepositoryPassword.From(secret)
            : throw new ImageBackupException(ErrorId.PasswordNeeded, "No password was given, and PowerShell cannot ask for it here. Give -Password.", path)
            {
                RecommendedAction = "Give -Password, for instance from Read-Host -AsSecureString or a secret store.",
            };
}
