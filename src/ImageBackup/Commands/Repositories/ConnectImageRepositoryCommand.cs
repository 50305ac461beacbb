using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Storage;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Opens a repository, gives it a name if one is wanted, and makes it the session's default.</summary>
[Cmdlet(VerbsCommunications.Connect, "ImageRepository")]
[OutputType(typeof(RepositoryConnection))]
public sealed class ConnectImageRepositoryCommand : StorageOptionCmdlet
{
    /// <summary>The repository's path, or an open repository; else RESTIC_REPOSITORY.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>
    /// What -Repository takes for it in this session. A repository with a name becomes the default only if there is none, or with
    /// -Default.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>Make it the session's default, though it has a name; -Default:$false leaves the default as it is.</summary>
    [Parameter]
    public SwitchParameter Default { get; set; }

    /// <summary>
    /// This machine takes the rules and classes that the repository keeps now, though it has seen newer ones. Until then those that
    /// it has seen go on counting, and every backup warns.
    /// </summary>
    [Parameter]
    public SwitchParameter AcceptPolicy { get; set; }

    /// <summary>
    /// This connection writes nothing to the repository, not even a lock (restic's --no-lock). Commands that read do so without one; those that
    /// change something fail.
    /// </summary>
    [Parameter]
    public SwitchParameter ReadOnly { get; set; }

    /// <summary>The beginning of the id of the key to try first; else RESTIC_KEY_HINT. Any other key is tried after it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [IdTransformation]
    public string? KeyId { get; set; }

    private protected override void Begin()
    {
        // The repository may come down the pipeline, and is kept beyond the command.
    }

    private protected override void Process()
    {
        if (Name is not null && !IsName(Name))
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"'{Name}' cannot be a repository's name: it may have no separator of a path, no colon, no wildcard and no blank at its ends.", Name);
        }
        RepositoryConnection connection;
        if ((Repository?.Connection ?? (Repository?.Path is { } named ? SessionConnection.Named(named) : null)) is { } given)
        {
            _ = given.Repository;
            ThrowIfOptionsComeLate(given);
            if (ReadOnly)
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"The repository '{given.Location}' is open: -ReadOnly is given when it is opened.", given.Location);
            connection = given;
        }
        else
        {
            StorageLocation location = NamedLocation();
            connection = Connect(ReadOnly ? location.ForReading("It was connected with -ReadOnly.") : location, KeyId);
        }
        bool isDefault = IsGiven(nameof(Default)) ? Default : Name is null || SessionConnection.Current is null;
        SessionConnection.Add(connection, Name, isDefault);
        if (AcceptPolicy)
        {
            EnforcedPolicy policy = RunInBackground("Reading the repository's rules", channel => connection.Policy.Accept(failure => channel.WriteWarning(failure.Message), Stop));
            WriteVerbose(policy.Revision == 0
                ? $"{connection.Location}: this machine accepts that it keeps no rules and classes."
                : $"{connection.Location}: this machine accepts its rules and classes of revision {policy.Revision}.");
        }
        WriteObject(connection);
    }

    /// <summary>A name could be taken for a path otherwise.</summary>
    private static bool IsName(string text) =>
        text.Trim() == text && text.IndexOfAny(['/', '\\', ':', '*', '?', '[', ']']) < 0 && text is not ("." or "..") && !text.Any(char.IsControl);
}
