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

    /// <summary>The password to add; asked for if it is not given.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNull]
    public SecureString? NewPassword { get; set; }

    private protected override void Process()
    {
        if (!ShouldProcess(Connection.Location, "Add a key"))
            return;
        WriteObject(RunInBackground("Adding a key", _ =>
        {
            using RepositoryPassword password = RepositoryPassword.From(NewPassword!);
            return Opened.AddKey(password, Stop);
        }));
    }
}
