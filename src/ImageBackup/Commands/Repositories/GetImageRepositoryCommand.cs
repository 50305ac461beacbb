using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Says what there is to know of repositories; by default of those that are connected.</summary>
[Cmdlet(VerbsCommon.Get, "ImageRepository")]
[OutputType(typeof(RepositoryInfo))]
public sealed class GetImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>Paths, names of Connect-ImageRepository, or objects; else all that are connected, else RESTIC_REPOSITORY.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Path", "Name")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    private protected override void Begin()
    {
        // Each comes down the pipeline.
    }

    private protected override void Process()
    {
        IReadOnlyList<RepositoryConnection> connected = SessionConnection.All;
        if (Repository is not null || connected.Count == 0)
        {
            Write(Open(Repository));
            return;
        }
        foreach (RepositoryConnection connection in connected)
            Attempt(connection.Location, () => Write(connection));
    }

    private void Write(RepositoryConnection connection)
    {
        RepositoryInfo info = RunInBackground("Reading the repository",
            channel => new RepositorySurvey(connection.Repository, connection.Memory, channel.WriteWarning).Run(Stop));
        WriteObject(info with { Name = connection.Name, IsDefault = ReferenceEquals(connection, SessionConnection.Current) });
    }
}
