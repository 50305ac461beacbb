using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Closes the session's default repository, or the given one, and forgets its keys.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "ImageRepository")]
public sealed class DisconnectImageRepositoryCommand : BackgroundCmdlet
{
    /// <summary>An open repository, or its name or path; else the session's default.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public RepositoryArgument? Repository { get; set; }

    private protected override void Process()
    {
        RepositoryConnection? current = SessionConnection.Current;
        RepositoryConnection? named = Repository?.Connection;
        if (Repository?.Path is { } path)
            named = SessionConnection.Named(path) ?? SessionConnection.At(RepositoryLocation.Parse(path, ResolvePath).DisplayName);
        RepositoryConnection? closing = Repository is null ? current : named;
        if (closing is null)
        {
            throw new ImageBackupException(
                ErrorId.RepositoryNotConnected,
                Repository is null ? "No repository is connected." : $"The repository '{Repository}' is not connected.",
                Repository?.ToString());
        }
        SessionConnection.Remove(closing);
        closing.Dispose();
    }
}
