using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Opens a repository and makes it the session's default.</summary>
[Cmdlet(VerbsCommunications.Connect, "ImageRepository")]
[OutputType(typeof(RepositoryConnection))]
public sealed class ConnectImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>The repository's path, or an open repository; else RESTIC_REPOSITORY.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    private protected override void Begin()
    {
        // The repository may come down the pipeline, and is kept beyond the command.
    }

    private protected override void Process()
    {
        RepositoryConnection connection;
        if (Repository?.Connection is { } given)
        {
            _ = given.Repository;
            connection = given;
        }
        else
        {
            connection = Connect(NamedLocation());
        }
        // The default before stays open: somebody may hold its object.
        SessionConnection.Current = connection;
        WriteObject(connection);
    }
}
