using System.Management.Automation;
using System.Security;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Repository.Keys;

namespace ImageBackup.Commands;

/// <summary>Adds a password that opens a repository. The others stay.</summary>
[Cmdlet(VerbsCommon.Add, "ImageRepositoryKey", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryKeyInfo))]
public sealed class AddImageRepositoryKeyCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>The password to add; asked for twice if neither it nor its file is given.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? NewPassword { get; set; }

    /// <summary>A file that holds the password to add, as Export-ImageRepositoryPassword writes it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? NewPasswordFile { get; set; }

    /// <summary>What the key is for.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Label { get; set; }

    private protected override void Process()
    {
        string location = Connection.Location;
        bool isToDo = ShouldProcess(location, Label is null ? "Add a key" : $"Add the key '{Label}'");
        if (!isToDo && !IsWhatIf)
            return;
        using RepositoryPassword password = NewSecret(NewPassword, NewPasswordFile, location);
        if (isToDo)
            WriteObject(RunInBackground("Adding a key", _ => Opened.AddKey(password, Stop, Label)));
        else
            RunInBackground("Adding a key", _ => Opened.CheckNewKey(password, Label));
    }
}
